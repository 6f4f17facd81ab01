//! The test vector of a head file: inputs that follow from their names, and what the head made of
//! them. It needs no network: DifFeed's feedback layers and its head are tested on maps of their own.

use candle_core::{Device, Tensor};

use super::Named;
use crate::error::{Error, Result};
use crate::heads::backbone::Backbone;
use crate::heads::config::HeadConfig;
use crate::heads::head::Head;
use crate::heads::maps::Maps;
use crate::heads::neural::{Layers, NeuralHead};
use crate::heads::rows::Rows;
use crate::heads::spec::{row_length, tokens_of};
use crate::tensor::rng::standard_normal;

/// Side of the maps that feedback layers are tested on: they take any.
const SIDE: usize = 2;
/// Agreement asked for: |a − b| ≤ absolute + relative·|b|.
const TOLERANCE: (f32, f32) = (1e-4, 1e-3);

/// A tensor of the test vector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub name: String,
    pub shape: Vec<usize>,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// A row for linear, mlp and instant heads.
    Row,
    /// A map for the transformer, already pooled.
    Map {
        timestep: usize,
        block: usize,
        second: bool,
    },
    /// A map for a feedback layer, and what comes out.
    FeedbackIn {
        layer: usize,
    },
    FeedbackOut {
        layer: usize,
    },
    Logits,
}

/// The tensors of the test vector of a head.
pub(super) fn parts(config: &HeadConfig, backbone: &Backbone, classes: usize) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut push = |name: String, shape: Vec<usize>, role: Role| {
        parts.push(Part { name: format!("test.{name}"), shape, role });
    };
    if config.kind.attends() {
        for &timestep in &config.timesteps {
            for (pass, blocks) in [("first", &config.blocks), ("second", &config.second)] {
                for &block in blocks {
                    let tokens = tokens_of(config, backbone, block)?;
                    let shape = vec![1, tokens.channels, tokens.height, tokens.width];
                    let role = Role::Map { timestep, block, second: pass == "second" };
                    push(format!("{pass}.t{timestep}.block_{block:02}"), shape, role);
                }
            }
        }
        for (layer, &block) in config.feedback.iter().enumerate() {
            let shape = |block: usize| -> Result<Vec<usize>> {
                Ok(vec![1, backbone.block(block)?.channels, SIDE, SIDE])
            };
            push(format!("feedback.{layer}.in"), shape(block)?, Role::FeedbackIn { layer });
            let target = backbone.feedback_target(block);
            push(format!("feedback.{layer}.out"), shape(target)?, Role::FeedbackOut { layer });
        }
    } else {
        push("row".into(), vec![1, row_length(config, backbone)?], Role::Row);
    }
    push("logits".into(), vec![1, classes], Role::Logits);
    Ok(parts)
}

/// The values of the test vector: inputs from their names, outputs from the head.
pub(super) fn make(parts: &[Part], head: &Head, device: &Device) -> Result<Vec<Named>> {
    let mut tensors = inputs(parts);
    let outputs = run(parts, &tensors, head, device)?;
    tensors.extend(outputs);
    Ok(tensors)
}

fn inputs(parts: &[Part]) -> Vec<Named> {
    let inputs = parts.iter().filter(|part| !matches!(part.role, Role::Logits | Role::FeedbackOut { .. }));
    let input = |part: &Part| {
        let key = blake3::hash(part.name.as_bytes());
        let values = standard_normal(key.as_bytes(), part.shape.iter().product());
        (part.name.clone(), part.shape.clone(), values)
    };
    inputs.map(input).collect()
}

/// Checks that the head makes of the inputs in `tensors` what stands there.
///
/// # Errors
/// In words, where it does not.
pub(super) fn check(parts: &[Part], tensors: &[Named], head: &Head, device: &Device) -> Result<(), String> {
    let outputs = run(parts, tensors, head, device).map_err(|error| error.to_string())?;
    for (name, _, got) in outputs {
        let want = values_of(tensors, &name).map_err(|error| error.to_string())?;
        let far = got.iter().zip(want).find(|(a, b)| {
            let close = (*a - *b).abs() <= TOLERANCE.0 + TOLERANCE.1 * b.abs();
            !close
        });
        if let Some((got, want)) = far {
            return Err(format!("gives {got} where {want} was saved ({name})"));
        }
    }
    Ok(())
}

fn values_of<'a>(tensors: &'a [Named], name: &str) -> Result<&'a [f32]> {
    let found = tensors.iter().find(|(other, _, _)| other == name);
    found
        .map(|(_, _, values)| values.as_slice())
        .ok_or_else(|| Error::Compute(format!("{name} is not in the test vector")))
}

fn run(parts: &[Part], tensors: &[Named], head: &Head, device: &Device) -> Result<Vec<Named>> {
    let mut outputs = Vec::new();
    for part in parts {
        let values = match (part.role, head) {
            (Role::FeedbackOut { layer }, Head::Neural(head)) => {
                let input = parts.iter().find(|part| part.role == Role::FeedbackIn { layer });
                let input = input.ok_or_else(|| Error::Compute("no feedback to test".into()))?;
                let input = tensor(input, tensors, device)?;
                match head.layers() {
                    Layers::Feedback(feedback, _) => {
                        feedback.layer(layer, &input)?.contiguous()?.flatten_all()?.to_vec1()?
                    }
                    _ => return Err(Error::Compute("a head without feedback".into())),
                }
            }
            (Role::Logits, Head::Neural(head)) => neural(head, parts, tensors, device)?,
            (Role::Logits, Head::Instant(head)) => {
                let row = values_of(tensors, "test.row")?;
                head.logits(&Rows::new(row.len(), row.to_vec())?)?
            }
            _ => continue,
        };
        outputs.push((part.name.clone(), part.shape.clone(), values));
    }
    Ok(outputs)
}

fn neural(head: &NeuralHead, parts: &[Part], tensors: &[Named], device: &Device) -> Result<Vec<f32>> {
    let (mut first, mut second) = (Maps::new(), Maps::new());
    for part in parts {
        match part.role {
            Role::Row => {
                let row = tensor(part, tensors, device)?;
                return Ok(head.forward_row(&row)?.flatten_all()?.to_vec1()?);
            }
            Role::Map { timestep, block, second: in_second } => {
                let maps = if in_second { &mut second } else { &mut first };
                maps.insert(timestep, block, &tensor(part, tensors, device)?);
            }
            _ => {}
        }
    }
    Ok(head.forward_seen(&first, &second)?.0.flatten_all()?.to_vec1()?)
}

fn tensor(part: &Part, tensors: &[Named], device: &Device) -> Result<Tensor> {
    Ok(Tensor::from_slice(values_of(tensors, &part.name)?, part.shape.as_slice(), device)?)
}
