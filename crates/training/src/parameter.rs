/// What is learnt, with its gradient and Adam's running mean and square of it.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The values that layers use.
    pub value: Vec<f32>,
    /// The gradient of the loss at each.
    pub grad: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Parameter {
    pub(crate) fn new(value: Vec<f32>) -> Self {
        let [grad, mean, square] = [(); 3].map(|()| vec![0.0; value.len()]);
        Self { value, grad, mean, square }
    }

    /// Step number `step`, from 1, of Adam.
    pub(crate) fn descend(&mut self, rate: f32, step: i32) {
        const DECAY: [f32; 2] = [0.9, 0.99];
        // The running means start at zero: so far they have this share of their weight.
        let [mean_share, square_share] = DECAY.map(|decay| 1.0 - decay.powi(step));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((value, grad), (mean, square)) in self.value.iter_mut().zip(&self.grad).zip(moments) {
            *mean += (1.0 - DECAY[0]) * (grad - *mean);
            *square += (1.0 - DECAY[1]) * (grad * grad - *square);
            *value -= rate * (*mean / mean_share) / ((*square / square_share).sqrt() + 1e-8);
        }
    }
}
