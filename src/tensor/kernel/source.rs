//! Where a kernel reads: maps with their channels last, as they are or at twice their size.

/// A map `[H, W, C]` of one image.
#[derive(Clone, Copy)]
pub struct Map<'a> {
    values: &'a [f32],
    height: usize,
    width: usize,
    channels: usize,
    /// Every pixel stands for 2×2 of those that are read.
    doubled: bool,
}

impl<'a> Map<'a> {
    /// As it is.
    pub fn new(values: &'a [f32], height: usize, width: usize) -> Map<'a> {
        let channels = values.len() / (height * width).max(1);
        assert_eq!(values.len(), height * width * channels, "a map of {height}x{width}");
        Map { values, height, width, channels, doubled: false }
    }

    /// Read at twice its size, nearest neighbour.
    pub fn doubled(self) -> Map<'a> {
        Map { doubled: true, ..self }
    }

    /// Read at twice its size if so said.
    pub fn doubled_if(self, doubled: bool) -> Map<'a> {
        Map { doubled, ..self }
    }

    /// The same map of pairs of bf16, half as many as it has values.
    pub fn of_pairs<'b>(&self, pairs: &'b [f32]) -> Map<'b> {
        assert!(self.channels.is_multiple_of(2), "pairs of {} channels", self.channels);
        assert_eq!(2 * pairs.len(), self.values.len(), "pairs of a map");
        Map {
            values: pairs,
            height: self.height,
            width: self.width,
            channels: self.channels / 2,
            doubled: self.doubled,
        }
    }

    /// Rows and columns as read.
    pub fn size(&self) -> (usize, usize) {
        let factor = if self.doubled { 2 } else { 1 };
        (self.height * factor, self.width * factor)
    }

    /// C.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The values as they lie, `[H, W, C]` before any doubling.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The channels of pixel `index` as they lie.
    #[inline(always)]
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.channels..][..self.channels]
    }

    /// Which pixel, as they lie, is read at row `y` and column `x`, which must be inside.
    #[inline(always)]
    pub fn index(&self, y: usize, x: usize) -> usize {
        let shift = u32::from(self.doubled);
        (y >> shift) * self.width + (x >> shift)
    }

    /// Address of the channels at row `y` and column `x` as read, if inside.
    #[inline(always)]
    pub fn pixel(&self, y: usize, x: usize) -> Option<*const f32> {
        let shift = u32::from(self.doubled);
        // A row of usize::MAX, one before the first, stays outside after the shift too.
        let (y, x) = (y >> shift, x >> shift);
        (y < self.height && x < self.width)
            .then(|| self.values[(y * self.width + x) * self.channels..].as_ptr())
    }
}

/// A map that is added to a result of its size.
#[derive(Clone, Copy)]
pub struct Addend<'a>(pub Map<'a>);

impl Addend<'_> {
    /// Address of the channels at row `y` and column `x`, which must be inside.
    #[inline(always)]
    pub fn pixel(&self, y: usize, x: usize) -> *const f32 {
        self.0.values[self.0.index(y, x) * self.0.channels..].as_ptr()
    }
}
