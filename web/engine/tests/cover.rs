//! Pictures of plans against the kernels themselves.

use depthwise::{Activation, Layout, Machine, Plan, Update};
use depthwise_engine::cost::Cost;
use depthwise_engine::cover::Picture;
use depthwise_proof::prove;
use depthwise_verification::data::Data;
use depthwise_verification::{Case, Pass, Shape};

const PASSES: [Pass; 3] = [Pass::Forward, Pass::GradInput, Pass::GradWeight];

/// Every choice that the page has, on some sizes.
fn choices() -> impl Iterator<Item = Case> {
    let mut cases = Vec::new();
    for kernel in [1, 2, 3, 4, 5, 7] {
        for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (1, 3)] {
            for padding in [0, 1, 2, 3] {
                for input in [[9, 14], [12, 21], [16, 16]] {
                    for (pass, layout) in PASSES.iter().flat_map(|p| Layout::ALL.map(|l| (*p, l))) {
                        for machine in Machine::ALL {
                            let case = Case {
                                pass,
                                shape: Shape {
                                    batch: 1,
                                    channels: 4,
                                    multiplier: 1,
                                    input,
                                    kernel: [kernel; 2],
                                    stride: [stride; 2],
                                    dilation: [dilation; 2],
                                    low: [padding; 2],
                                    high: [padding; 2],
                                },
                                layout,
                                bias: false,
                                update: Update::Overwrite,
                                activation: Activation::None,
                                data: Data::Odd,
                                seed: 0,
                                offset: 0,
                                machine,
                                instance: None,
                            };
                            cases.extend(case.problem().is_ok().then_some(case));
                        }
                    }
                }
            }
        }
    }
    cases.into_iter()
}

/// What the kernels do for a vector of channels, or for a plane that is neither the first nor the last:
/// there, vectors would leave the tensor.
fn counted(case: &Case) -> Cost {
    let with = |channels: usize| {
        let mut case = *case;
        case.shape.channels = channels;
        let counts = prove(&case, 1).expect("a proof").counts;
        [counts.loads, counts.fmas, counts.stores]
    };
    let [loads, fmas, stores] = match case.layout {
        Layout::Nhwc => with(4),
        Layout::Nchw => {
            let (less, more) = (with(3), with(4));
            [0, 1, 2].map(|i| more[i] - less[i])
        }
    };
    // Results of a weight gradient are stored once, after all tiles.
    Cost { loads, fmas, stores: if case.pass == Pass::GradWeight { 0 } else { stores } }
}

#[test]
fn tiles_cost_what_kernels_do() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for case in choices() {
        let picture = Picture::of(&Plan::new(case.problem().expect("a problem"), case.machine));
        let counted = counted(&case);
        compared += 1;
        if picture.total != counted {
            wrong.push(format!("{:?} not {counted:?}: {case}", picture.total));
        }
    }
    println!("{compared} plans");
    assert!(
        wrong.is_empty() && compared > 3000,
        "{} of {compared}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

#[test]
fn tiles_have_every_place_once() {
    for case in choices() {
        let picture = Picture::of(&Plan::new(case.problem().expect("a problem"), case.machine));
        let [height, width] = picture.grid;
        let mut seen = vec![0; height * width];
        for tile in &picture.tiles {
            for row in tile.rows.iter() {
                tile.columns.iter().for_each(|column| seen[row * width + column] += 1);
            }
        }
        // Places that meet no tap are left out of sums.
        let live = |at: usize| {
            let inside = picture.touches[1][at % width].iter();
            let source = 0..picture.source[1] as isize;
            inside.clone().any(|[_, place]| source.contains(place))
        };
        for (at, times) in seen.iter().enumerate() {
            let needed = case.pass != Pass::GradWeight || live(at);
            assert!(*times == 1 || !needed && *times == 0, "{at} {times} times: {case}");
        }
    }
}
