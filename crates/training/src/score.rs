use std::fmt;

use crate::layer::Tensor;

/// How well a batch was recognised: means over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Cross-entropy, in nats.
    pub loss: f64,
    /// Share of the images whose class has the highest logit.
    pub accuracy: f64,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.3}, accuracy {:.1} %", self.loss, 100.0 * self.accuracy)
    }
}

/// The probabilities that logits stand for.
#[must_use]
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - max).exp()).sum();
    logits.iter().map(|logit| (logit - max).exp() / sum).collect()
}

/// Softmax and cross-entropy: the score of the logits `[n][class]`, and the gradient of the loss at each.
pub(crate) fn cross_entropy(logits: &mut Tensor, labels: &[usize]) -> Score {
    let (mut loss, mut correct) = (0.0, 0);
    let (batch, classes) = (labels.len(), logits.value.len() / labels.len());
    let rows = logits.value.chunks_exact(classes);
    let grads = logits.grad.chunks_exact_mut(classes);
    for ((row, grad), &label) in rows.zip(grads).zip(labels) {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|logit| (logit - max).exp()).sum();
        for (class, (grad, logit)) in grad.iter_mut().zip(row).enumerate() {
            let wanted = if class == label { 1.0 } else { 0.0 };
            *grad = ((logit - max).exp() / sum - wanted) / batch as f32;
        }
        loss += f64::from(sum.ln() + max - row[label]);
        // A tie is no answer.
        correct += usize::from(row.iter().filter(|logit| **logit >= row[label]).count() == 1);
    }
    Score { loss: loss / batch as f64, accuracy: correct as f64 / batch as f64 }
}
