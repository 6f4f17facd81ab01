//! The table of commands: one row each.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::{Group, Info, Space};

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

const fn key(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(CTRL_SHIFT, key)
}

const fn alt_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT.plus(Modifiers::SHIFT), key)
}

const fn ctrl_alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(CTRL_ALT, key)
}

macro_rules! commands {
    ($($group:ident in $space:ident { $($variant:ident, $name:literal, [$($keys:expr),*], $about:literal;)+ })+) => {
        /// Every action of the window.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Command {
            $($(#[doc = $about] $variant,)+)+
        }

        impl Command {
            /// Every command, in the order in which they are listed.
            pub const ALL: &'static [Command] = &[$($(Command::$variant,)+)+];

            /// Name, explanation, group, work space and shortcuts.
            pub fn info(self) -> &'static Info {
                match self {
                    $($(Command::$variant => const { &Info {
                        name: $name,
                        about: $about,
                        group: Group::$group,
                        space: Space::$space,
                        shortcuts: &[$($keys),*],
                    } },)+)+
                }
            }
        }
    };
}

commands! {
    Pictures in Everywhere {
        OpenPictures, "Open pictures…", [ctrl(Key::O)],
            "Adds picture files to the library.";
        OpenFolder, "Open folder…", [ctrl_shift(Key::O)],
            "Adds every picture of a folder to the library.";
        PastePicture, "Paste picture", [ctrl(Key::V)],
            "Adds the picture on the clipboard to the library.";
        NextPicture, "Next picture", [key(Key::ArrowRight)],
            "Goes to the next picture of the library.";
        PreviousPicture, "Previous picture", [key(Key::ArrowLeft)],
            "Goes to the previous picture of the library.";
    }
    Network in Everywhere {
        OpenNetwork, "Open network…", [ctrl(Key::N)],
            "Loads a checkpoint of a diffusion U-Net from a .pt or .safetensors file.";
        UseEmbeddedNetwork, "Use embedded network", [ctrl_shift(Key::N)],
            "Goes back to the small network inside the program.";
        RecentNetworks, "Recent networks", [ctrl(Key::R)],
            "Lists the networks opened before.";
        NetworkCard, "Network card", [ctrl(Key::I)],
            "Shows what the network is: hash, training data, licence, and what was assumed.";
    }
    Network in Explore {
        NextBlock, "Next block", [key(Key::ArrowDown)],
            "Goes one block further along the path through the network.";
        PreviousBlock, "Previous block", [key(Key::ArrowUp)],
            "Goes one block back along the path through the network.";
    }
    Timestep in Explore {
        NextMarkedStep, "Next marked timestep", [key(Key::CloseBracket)],
            "Moves t to the next mark, towards more noise.";
        PreviousMarkedStep, "Previous marked timestep", [key(Key::OpenBracket)],
            "Moves t to the previous mark, towards less noise.";
        TimestepUp, "Timestep plus one", [shift(Key::CloseBracket), key(Key::CloseCurlyBracket)],
            "Adds one to t.";
        TimestepDown, "Timestep minus one", [shift(Key::OpenBracket), key(Key::OpenCurlyBracket)],
            "Takes one from t.";
        NextDraw, "Next draw", [key(Key::D)],
            "Takes the next seeded draw of the noise.";
        PreviousDraw, "Previous draw", [key(Key::E)],
            "Goes back to the draw of the noise before.";
        ToggleAverage, "Average over draws", [shift(Key::D)],
            "Shows the mean over several draws of the noise, or one draw again.";
    }
    View in Explore {
        ViewMosaic, "Mosaic of channels", [key(Key::M)],
            "Shows every channel of the block side by side.";
        ViewChannel, "Single channel", [key(Key::C)],
            "Shows one channel of the block, large.";
        ViewMean, "Mean over channels", [key(Key::A)],
            "Shows the mean over the channels at every place.";
        ViewNorm, "Norm over channels", [key(Key::N)],
            "Shows how strongly the block answers at every place: the L2 norm over its channels.";
        ViewPca, "PCA as colours", [key(Key::P)],
            "Shows the three strongest directions of the features as red, green and blue.";
        ViewSimilarity, "Similarity to a place", [key(Key::S)],
            "Shows how alike every place is to the one that was clicked.";
        PlaceLeft, "Place to the left", [alt(Key::ArrowLeft)],
            "Moves the place that similarity is measured to one cell to the left.";
        PlaceRight, "Place to the right", [alt(Key::ArrowRight)],
            "Moves the place that similarity is measured to one cell to the right.";
        PlaceUp, "Place up", [alt(Key::ArrowUp)],
            "Moves the place that similarity is measured to one cell up.";
        PlaceDown, "Place down", [alt(Key::ArrowDown)],
            "Moves the place that similarity is measured to one cell down.";
        LockPicture, "Same colours: this picture", [key(Key::X)],
            "Lets this picture decide the colours of PCA, or takes it from those that do.";
        LockTimestep, "Same colours: this timestep", [shift(Key::X)],
            "Lets this timestep decide the colours of PCA, or takes it from those that do.";
        LockBlock, "Same colours: this block", [alt(Key::X)],
            "Adds this block to those that share one meaning of each colour of PCA, or takes it away.";
        LockPinned, "Same colours: pinned views", [alt_shift(Key::X)],
            "Lets the pictures, timesteps and blocks of all pinned views decide the colours of PCA.";
        UnlockColours, "Own colours", [key(Key::U)],
            "Gives PCA its own colours for every map again.";
        NextChannel, "Next channel", [key(Key::Period)],
            "Goes to the next channel of the block.";
        PreviousChannel, "Previous channel", [key(Key::Comma)],
            "Goes to the previous channel of the block.";
        ToggleOverlay, "Overlay on picture", [key(Key::O)],
            "Lays the map over the whole picture, or shows it alone again.";
        MoreOpaque, "More opaque overlay", [key(Key::Plus), key(Key::Equals)],
            "Lets less of the picture through an overlay.";
        LessOpaque, "Less opaque overlay", [key(Key::Minus)],
            "Lets more of the picture through an overlay.";
        ToggleSmooth, "Smooth maps", [key(Key::I)],
            "Interpolates between cells, or shows them flat as computed.";
        ToggleFullRange, "Full range", [key(Key::F)],
            "Colours from the smallest to the largest value, or between percentiles.";
        NextOrder, "Next channel order", [key(Key::R)],
            "Sorts the mosaic by variance, mean, magnitude or index.";
        ToggleOneRange, "One range for all channels", [key(Key::G)],
            "Gives all channels of the mosaic one range, or each its own.";
        NextColourMap, "Next colour map", [key(Key::K)],
            "Changes the colour map of the heatmaps.";
        ResetZoom, "Reset zoom", [key(Key::Num0)],
            "Fits picture and maps into their panels again.";
    }
    Compare in Explore {
        PinView, "Pin view", [key(Key::Space)],
            "Keeps this view beside the next ones.";
        PinSheet, "Pin contact sheet", [shift(Key::Space)],
            "Keeps this contact sheet beside the next views.";
        UnpinLast, "Unpin last view", [key(Key::Backspace)],
            "Takes the view away that was pinned last.";
        ClearPins, "Clear pins", [ctrl(Key::Backspace)],
            "Takes away all pinned views.";
        ToggleSharedScale, "Shared colour scale", [key(Key::H)],
            "Gives all pinned views one colour scale, or each its own.";
        ToggleLinkedCursor, "Linked zoom and cursor", [key(Key::L)],
            "Shows the cursor and the zoom of one view in all pinned views.";
        ContactSheetSteps, "Contact sheet over steps", [key(Key::T)],
            "Shows this block at every marked timestep.";
        ContactSheetBlocks, "Contact sheet over blocks", [key(Key::B)],
            "Shows every block at this timestep.";
        ToggleOneCellRange, "One range for the sheet", [shift(Key::G)],
            "Gives all cells of the contact sheet one range, or each its own.";
    }
    Attention in Attention {
        NextHeadBlock, "Next block of the head", [key(Key::ArrowDown)],
            "Goes to the next block that the head reads.";
        PreviousHeadBlock, "Previous block of the head", [key(Key::ArrowUp)],
            "Goes to the block before that the head reads.";
        NextHeadTimestep, "Next timestep of the head", [key(Key::CloseBracket)],
            "Goes to the next timestep that the head reads.";
        PreviousHeadTimestep, "Previous timestep of the head", [key(Key::OpenBracket)],
            "Goes to the timestep before that the head reads.";
        NextLayer, "Next layer", [key(Key::L)],
            "Goes to the next layer of the head's transformer.";
        PreviousLayer, "Previous layer", [shift(Key::L)],
            "Goes to the layer of the head's transformer before.";
        NextAttentionHead, "Next attention head", [key(Key::H)],
            "Shows where the next attention head of the layer looks.";
        PreviousAttentionHead, "Previous attention head", [shift(Key::H)],
            "Shows where the attention head of the layer before looks.";
        ShowRollout, "Attention rollout", [key(Key::R)],
            "Shows what reaches the answer through all layers.";
        ShowMeanOfHeads, "Mean of attention heads", [key(Key::M)],
            "Shows where the attention heads of a layer look on average.";
        ToggleFeedback, "Attention or feedback", [key(Key::F)],
            "Shows what feedback changes in the encoder, or where the head looks again.";
        NextState, "Next state of the head", [key(Key::Period)],
            "Shows the head after more training.";
        PreviousState, "Previous state of the head", [key(Key::Comma)],
            "Shows the head after less training.";
        PlayStates, "Play the states of the head", [key(Key::P)],
            "Steps through the training of the head from its start, or stops.";
        ToggleAttentionOverlay, "Attention over picture", [key(Key::O)],
            "Lays the maps over the picture, or shows them alone again.";
        ToggleOwnScale, "Own scale for each map", [key(Key::G)],
            "Gives every small map colours of its own, or all of them one scale.";
    }
    Sweep in Sweep {
        BeginSweep, "Begin sweep", [ctrl(Key::Enter)],
            "Scores every block and timestep on the labelled pictures.";
        NextCellBlock, "Block below", [key(Key::ArrowDown)],
            "Chooses the block below in the table.";
        PreviousCellBlock, "Block above", [key(Key::ArrowUp)],
            "Chooses the block above in the table.";
        NextCellTimestep, "Timestep to the right", [key(Key::CloseBracket)],
            "Chooses the timestep to the right in the table.";
        PreviousCellTimestep, "Timestep to the left", [key(Key::OpenBracket)],
            "Chooses the timestep to the left in the table.";
        UseCellInHeads, "Use cell in Heads", [key(Key::U)],
            "Adds heads that read the block and timestep chosen.";
        ExportSweep, "Export sweep…", [ctrl(Key::E)],
            "Writes tables and figure of the sweep into a folder.";
    }
    Heads in Heads {
        OpenLabelledFolder, "Open labelled folder…", [key(Key::D)],
            "Chooses a folder with one folder of pictures per class.";
        OpenLabelledFile, "Open labelled file…", [shift(Key::D)],
            "Chooses a table, or an IDX or CIFAR file, of labelled pictures.";
        LoadHead, "Load head…", [key(Key::L)],
            "Adds a head file to the runs, to be asked and looked into.";
        TrainAll, "Train all heads", [ctrl(Key::Enter)],
            "Trains every head at the left, one after the other.";
        NextTab, "Next look at runs", [key(Key::CloseBracket)],
            "Goes to the next look at the runs chosen.";
        PreviousTab, "Previous look at runs", [key(Key::OpenBracket)],
            "Goes to the look at the runs chosen before.";
        DeleteRuns, "Delete chosen runs", [key(Key::Delete)],
            "Forgets the runs chosen and removes their heads.";
    }
    Label in Label {
        OpenLabelFolder, "Open folder to label…", [shift(Key::O)],
            "Chooses a folder of pictures to be labelled.";
        AcceptSuggestion, "Accept suggestion", [key(Key::Space)],
            "Labels the picture in hand, or those chosen, as suggested.";
        MarkUnsure, "Unsure", [key(Key::U)],
            "Marks the picture in hand, or those chosen, as one you cannot tell.";
        MarkNone, "None of these", [key(Key::N)],
            "Marks the picture in hand, or those chosen, as one of no class.";
        ClearLabel, "Clear label", [key(Key::Backspace), key(Key::Delete)],
            "Takes the label of the picture in hand, or of those chosen, away.";
        RowDown, "Row below", [key(Key::ArrowDown)],
            "Goes to the picture below in the grid.";
        RowUp, "Row above", [key(Key::ArrowUp)],
            "Goes to the picture above in the grid.";
        NextScreen, "Next screenful", [key(Key::PageDown)],
            "Goes on by as many pictures as are on the screen.";
        PreviousScreen, "Previous screenful", [key(Key::PageUp)],
            "Goes back by as many pictures as are on the screen.";
        ToggleGrid, "One picture or many", [key(Key::Enter)],
            "Changes between one large picture and the grid.";
        ChooseAll, "Choose all shown", [ctrl(Key::A)],
            "Chooses every picture shown in the grid, or none.";
        SortAnew, "Sort anew", [key(Key::F5)],
            "Sorts the pictures by what is known now, those seen before too.";
        SimilarNext, "Similar pictures next", [shift(Key::S)],
            "Asks next about pictures that resemble the one in hand.";
        AskByChance, "Ask by chance", [shift(Key::A)],
            "Asks about a few pictures by chance, to know how good suggestions are.";
        AcceptMany, "Accept many…", [ctrl(Key::Enter)],
            "Shows all confident suggestions, to be accepted at once.";
        NewClass, "New class", [key(Key::Plus), key(Key::Equals)],
            "Adds a class by its name.";
    }
    Export in Views {
        ExportView, "Export view…", [ctrl(Key::E)],
            "Writes the view as a PNG file.";
        ExportViewWithSettings, "Export view with settings…", [ctrl_shift(Key::E)],
            "Writes the view as a PNG file with its colour bar and settings printed under it.";
        ExportRawValues, "Export raw values…", [ctrl_alt(Key::E)],
            "Writes the numbers of the map as npy or CSV.";
        CopyView, "Copy view", [ctrl(Key::C)],
            "Puts the view on the clipboard as a picture.";
        CopyAsCommandLine, "Copy as command line", [ctrl_shift(Key::C)],
            "Copies the command line that makes the same picture.";
        CopySettings, "Copy settings", [ctrl_alt(Key::C)],
            "Copies picture, network, t, b and view as text.";
    }
    Export in Explore {
        ExportSheet, "Export sheet…", [alt(Key::E)],
            "Writes the contact sheet as a PNG file.";
        ExportSheetWithSettings, "Export sheet with settings…", [alt_shift(Key::E)],
            "Writes the contact sheet as a PNG file with title and settings printed around it.";
        ExportSheetValues, "Export sheet values…", [alt(Key::V)],
            "Writes the numbers of every map of the contact sheet as safetensors, CSV or npy.";
        CopySheet, "Copy sheet", [alt(Key::C)],
            "Puts the contact sheet on the clipboard as a picture.";
        CopySheetAsCommandLine, "Copy sheet as command line", [alt_shift(Key::C)],
            "Copies the command line that makes the same contact sheet.";
    }
    Window in Everywhere {
        GoToExplore, "Go to Explore", [ctrl(Key::Num1)],
            "Shows what a block sees at a timestep.";
        GoToAttention, "Go to Attention", [ctrl(Key::Num2)],
            "Shows where a trained head looks.";
        GoToSweep, "Go to Sweep", [ctrl(Key::Num3)],
            "Shows which blocks and timesteps tell your classes apart.";
        GoToHeads, "Go to Heads", [ctrl(Key::Num4)],
            "Trains heads on labelled pictures and compares them.";
        GoToLabel, "Go to Label", [ctrl(Key::Num5)],
            "Labels pictures by key, with suggestions that learn from every label.";
        Undo, "Undo", [ctrl(Key::Z)],
            "Goes back to the settings that were on screen before, or takes back a label.";
        Redo, "Redo", [ctrl_shift(Key::Z), ctrl(Key::Y)],
            "Takes back the last undo.";
        Settings, "Settings…", [ctrl(Key::Comma)],
            "Chooses device, threads, cache folder and how many maps are kept.";
        Palette, "Command palette", [key(Key::Slash), ctrl_shift(Key::P)],
            "Finds any command by a few letters of its name.";
        Keys, "Keys of this screen", [key(Key::Questionmark), key(Key::F1)],
            "Lists every shortcut that works here.";
        ToggleTheme, "Light or dark", [ctrl_shift(Key::L)],
            "Changes between the dark and the light theme.";
        BiggerText, "Bigger text", [ctrl(Key::Plus), ctrl(Key::Equals)],
            "Makes all text bigger.";
        SmallerText, "Smaller text", [ctrl(Key::Minus)],
            "Makes all text smaller.";
        ResetLayout, "Reset layout", [ctrl_alt(Key::Num0)],
            "Puts every panel back where it was at first.";
        CancelJob, "Cancel job", [key(Key::Escape)],
            "Stops what is being computed and keeps finished parts.";
        Quit, "Quit", [ctrl(Key::Q)],
            "Closes the program.";
    }
}
