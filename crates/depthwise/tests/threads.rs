//! Threads never change a bit. Here, and not beside the code, since kernels would be compiled once more for it.
#![cfg(feature = "threads")]

use depthwise::{Conv, Layout, Plan, Update};

/// How much more work is shared with a pool by a thread that is not of it.
const OUTSIDE: usize = 4;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// All results of all passes.
fn results(conv: &Conv) -> Vec<u32> {
    let problem = conv.problem();
    let data = |len: usize, seed: usize| -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed) % 2003) as f32 / 1001.0 - 1.0).collect()
    };
    let (x, w) = (data(problem.input_len(), 1), data(problem.weights_len(), 2));
    let gy = data(problem.output_len(), 3);
    let (mut y, mut gx) = (vec![0.0; gy.len()], vec![0.0; x.len()]);
    let (mut gw, mut gb) = (vec![0.0; w.len()], vec![0.0; problem.output_channels()]);
    conv.forward(&x, &w, None, &mut y).unwrap();
    conv.grad_input(&gy, &w, &mut gx, Update::Overwrite).unwrap();
    conv.grad_weight(&x, &gy, &mut gw, Update::Overwrite).unwrap();
    conv.grad_bias(&gy, &mut gb, Update::Overwrite).unwrap();
    [y, gx, gw, gb].concat().iter().map(|value| value.to_bits()).collect()
}

#[test]
fn threads_never_change_a_bit() {
    let (mut shared, mut outside, mut biases) = (0, 0, 0);
    for layout in Layout::ALL {
        for (batch, channels, multiplier, size, kernel, stride) in [
            (1, 36, 1, 61, 3, 1),
            (2, 32, 1, 61, 3, 2),
            (1, 28, 1, 28, 5, 1),
            (3, 20, 2, 23, 3, 1),
            (1, 33, 1, 39, 7, 2),
            (1, 37, 1, 41, 7, 1),
            (1, 16, 1, 7, 3, 1),
            (1, 444, 1, 7, 5, 1),
        ] {
            let conv = Conv::builder().batch(batch).channels(channels).multiplier(multiplier);
            let conv = conv.input([size; 2]).kernel([kernel; 2]).stride([stride; 2]);
            let conv = conv.same_upper().layout(layout).build().unwrap();
            let flops = conv.problem().flops();
            shared += usize::from(conv.plan().is_worth_sharing());
            outside += usize::from(flops >= OUTSIDE * Plan::WORTH_SHARING);
            biases += usize::from(8 * conv.problem().output_len() >= Plan::WORTH_SHARING);
            let alone = pool(1).install(|| results(&conv));
            for threads in [2, 3, 4, 7] {
                let together = pool(threads).install(|| results(&conv));
                assert!(together == alone, "{:?}, {threads}", conv.problem());
            }
            assert!(results(&conv) == alone, "{:?}, outside", conv.problem());
        }
    }
    assert!(shared >= 14, "only {shared} problems were shared");
    assert!(biases >= 2, "only {biases} bias gradients were shared");
    assert!(outside >= 2, "only {outside} problems were worth sharing outside");
}
