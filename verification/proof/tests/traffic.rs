//! What tiles cost on any machine: loads, multiply-adds and stores, counted in the real kernels.

use depthwise::{Activation, Body, INSTANCES, Instance, Isa, Layout, Machine, Size, Update};
use depthwise_lanes::{Cursor, LANES, Lanes};
use depthwise_proof::traffic::{Tile, tile};
use depthwise_proof::{Counts, Operands, Symbolic, prove, prove_run};
use depthwise_verification::data::Data;
use depthwise_verification::geometry::{Extent, Pads, Window};
use depthwise_verification::{Case, Pass, Shape, order};

/// Kernel and stride of general instances; rows and columns differ.
const GENERAL: ([usize; 2], usize) = ([4, 11], 1);

/// A map of so many rows and columns of windows, none of them clipped.
fn interior(
    pass: Pass,
    instance: &'static Instance,
    ([height, width], stride): ([usize; 2], usize),
    [rows, columns]: [usize; 2],
) -> Case {
    let axis = |kernel: usize, windows: usize| {
        let window = Window { kernel, stride, dilation: 1 };
        match (pass, stride) {
            (Pass::GradInput, 1) => window.padded(0, 0, windows, 0).adjoint(window),
            (Pass::GradInput, _) => {
                // Windows of the output that give `stride` neighbours each.
                let reach = kernel.div_ceil(stride);
                let input = windows * stride;
                let padded = (windows + reach - 2) * stride + kernel;
                let low = (reach - 1) * stride;
                Extent { input, low: low as isize, high: (padded - input - low) as isize }
            }
            _ => window.padded(0, 0, windows, 0),
        }
    };
    let [vertical, horizontal] = [axis(height, rows), axis(width, columns)];
    Case {
        pass,
        shape: Shape {
            batch: 1,
            channels: if instance.layout == Layout::Nhwc { 4 } else { 1 },
            multiplier: 1,
            input: [vertical.input, horizontal.input],
            kernel: [height, width],
            stride: [stride; 2],
            dilation: [1; 2],
            low: [vertical.low, horizontal.low],
            high: [vertical.high, horizontal.high],
        },
        layout: instance.layout,
        bias: false,
        update: Update::Overwrite,
        activation: Activation::None,
        data: Data::Odd,
        seed: 0,
        offset: 0,
        machine: Machine::ARM64,
        instance: Some(instance),
    }
}

/// Kernel and stride of an instance.
fn window(instance: &Instance) -> ([usize; 2], usize) {
    match (instance.kernel, instance.stride) {
        (Size::Exactly(kernel), Size::Exactly(stride)) => ([kernel; 2], stride),
        _ => GENERAL,
    }
}

/// Rows and columns of windows of two maps, of which the second is one tile larger.
fn one_tile_more(instance: &Instance) -> [[usize; 2]; 2] {
    let tile = instance.tile;
    match instance.body {
        // Further down.
        Body::Roll => [tile.rows + 1, tile.rows + 2].map(|rows| [rows, tile.columns]),
        // A row more: in the very last one of a tensor, vectors would be gathered.
        Body::Taps if instance.layout == Layout::Nchw => [3, 4].map(|rows| [rows, tile.columns]),
        // Further right.
        Body::Pairs => [2, 3].map(|tiles| [1, tiles * tile.columns / 2]),
        _ => [2, 3].map(|tiles| [1, tiles * tile.columns]),
    }
}

/// What one more tile costs, run by `run`.
fn measured(pass: Pass, instance: &'static Instance, run: impl Fn(&Case) -> Counts) -> Counts {
    let [small, large] =
        one_tile_more(instance).map(|size| run(&interior(pass, instance, window(instance), size)));
    Counts {
        loads: large.loads - small.loads,
        fmas: large.fmas - small.fmas,
        adds: large.adds - small.adds,
        stores: large.stores - small.stores,
        reloads: large.reloads - small.reloads,
        // Not in the model: a row's only vector goes with masks, even where all its lanes are there.
        masks: 0,
        // Nor which loads are of single elements.
        pieces: 0,
    }
}

fn library(case: &Case) -> Counts {
    match prove(case, 1) {
        Ok(proof) => proof.counts,
        Err(fault) => panic!("{fault}: {case}"),
    }
}

/// All instances with the passes that they compute.
fn instances() -> impl Iterator<Item = (Pass, &'static Instance)> {
    let of = |pass: Pass| INSTANCES.iter().filter(move |i| pass.is_computed_by(i));
    Pass::ALL.into_iter().flat_map(move |pass| of(pass).map(move |i| (pass, i)))
}

fn per_vector(count: usize, tile: &Tile) -> f64 {
    count as f64 / tile.vectors as f64
}

#[test]
fn tiles_cost_what_the_model_says() {
    let mut tiles = 0;
    for (pass, instance) in instances() {
        let (kernel, stride) = window(instance);
        let model = tile(pass, instance, kernel, stride);
        let [loads, fmas] = [model.counts.loads, model.counts.fmas].map(|n| per_vector(n, &model));
        let name = format!("{} {}", pass.name(), instance.name);
        println!("{name:<48} {loads:>7.3} loads {fmas:>3} fmas a vector");
        assert_eq!(measured(pass, instance, library), model.counts, "{name}");
        tiles += 1;
    }
    assert!(tiles >= INSTANCES.len());
}

/// What the README promises of AArch64.
#[test]
fn the_best_tile_of_3x3_loads_nine_vectors_for_seven_results() {
    let any = interior(Pass::Forward, &INSTANCES[0], ([3; 2], 1), [12, 12]);
    let conv = Case { instance: None, layout: Layout::Nhwc, ..any }.conv(Isa::best());
    let instance = conv.expect("a convolution").plan().instance();
    let tile = tile(Pass::Forward, instance, [3; 2], 1);
    assert_eq!((tile.counts.loads, tile.vectors), (9, 7), "{}", instance.name);
    assert_eq!(per_vector(tile.counts.fmas, &tile), 9.0);
}

/// A kernel that loads source and weight for each multiply-add.
fn slow(case: &Case, operands: &Operands) {
    let (l, shape, layout) = (Symbolic, &case.shape, case.layout);
    for [n, c, i, j] in order::outputs(shape).filter(|[_, c, _, j]| match layout {
        Layout::Nhwc => c % 4 == 0,
        Layout::Nchw => j % 4 == 0,
    }) {
        let mut sum = l.zero();
        for [_, _, u, v] in order::coordinates(1, 1, shape.kernel) {
            let [h, w] = [i * shape.stride[0] + u, j * shape.stride[1] + v];
            let x = operands.x.step(order::input(layout, shape, [n, c, h, w]) as isize);
            let weight = operands.weights.step(order::weight(layout, shape, [c, u, v]) as isize);
            // SAFETY: no pointer is followed.
            unsafe {
                let (x, weight) = match layout {
                    Layout::Nhwc => (l.load(x), l.load(weight)),
                    Layout::Nchw if shape.stride[1] == 1 => (l.load(x), l.load_splat(weight)),
                    Layout::Nchw => (l.load_even(x), l.load_splat(weight)),
                };
                sum = l.fma(sum, x, weight);
            }
        }
        let results = operands.results.step(order::output(layout, shape, [n, c, i, j]) as isize);
        // SAFETY: no pointer is followed.
        unsafe { l.store(results, sum) };
    }
}

/// The model tells a slow kernel from each instance, and each instance from its narrower relatives.
#[test]
fn slow_kernels_are_found() {
    let (mut slower, mut narrower) = (0, 0);
    for (pass, instance) in instances().filter(|(pass, _)| *pass == Pass::Forward) {
        let (kernel, stride) = window(instance);
        let model = tile(pass, instance, kernel, stride);
        let counts = measured(pass, instance, |case| {
            let proof = prove_run(case, |operands| slow(case, operands));
            proof.unwrap_or_else(|fault| panic!("{fault}: {case}")).counts
        });
        // It is right, and does the same arithmetic, with more loads.
        assert_eq!((counts.fmas, counts.stores), (model.counts.fmas, model.counts.stores));
        assert!(counts.loads > model.counts.loads, "{} {counts:?}", instance.name);
        slower += 1;
        for relative in INSTANCES {
            let alike = (relative.body, relative.kernel, relative.stride, relative.layout)
                == (instance.body, instance.kernel, instance.stride, instance.layout);
            if alike && relative.tile.columns < instance.tile.columns {
                let less = tile(pass, relative, kernel, stride);
                let loads = |tile: &Tile| per_vector(tile.counts.loads, tile);
                assert!(loads(&less) > loads(&model), "{} {}", relative.name, instance.name);
                narrower += 1;
            }
        }
    }
    assert!(slower > 1 && narrower > 1);
}

/// Layers of real networks, `[map, kernel, stride]`.
const LAYERS: [[usize; 3]; 14] = [
    [7, 3, 1],
    [14, 3, 1],
    [14, 3, 2],
    [28, 3, 1],
    [28, 3, 2],
    [56, 3, 1],
    [7, 5, 1],
    [14, 5, 1],
    [14, 5, 2],
    [28, 5, 2],
    [7, 7, 1],
    [14, 7, 1],
    [14, 7, 2],
    [28, 7, 1],
];

/// A layer with its borders, as the plan runs it.
fn layer(
    pass: Pass,
    layout: Layout,
    machine: Machine,
    [map, kernel, stride]: [usize; 3],
) -> (Case, &'static Instance) {
    let axis = Window { kernel, stride, dilation: 1 }.place(Pads::SameUpper, map / stride, 0);
    let any = interior(pass, &INSTANCES[0], ([kernel; 2], stride), [1, 1]);
    let shape = Shape {
        // At the ends of a tensor, vectors would leave it: a cost that many planes share, or few large ones.
        channels: if layout == Layout::Nchw { 48 * 7 / map } else { 8 },
        input: [axis.input; 2],
        low: [axis.low; 2],
        high: [axis.high; 2],
        ..any.shape
    };
    let case = Case { layout, machine, shape, instance: None, ..any };
    let conv = case.conv(Isa::best()).expect("a convolution");
    (case, pass.plan(&conv).expect("a plan").instance())
}

/// Whole layers load at most half more for each vector than the inside of their best tile.
#[test]
fn borders_cost_little() {
    let mut layers = 0;
    for (layout, machine) in
        Layout::ALL.into_iter().flat_map(|layout| Machine::ALL.map(|machine| (layout, machine)))
    {
        for pass in [Pass::Forward, Pass::GradInput, Pass::GradWeight] {
            for sizes @ [map, kernel, stride] in LAYERS {
                let (case, instance) = layer(pass, layout, machine, sizes);
                let model = tile(pass, instance, [kernel; 2], stride);
                let counts = library(&case);
                let columns = if pass == Pass::GradInput { map } else { map / stride };
                let vectors = match layout {
                    Layout::Nhwc => columns * columns * case.shape.channels / LANES,
                    Layout::Nchw => columns * columns.div_ceil(LANES) * case.shape.channels,
                };
                let loads = counts.loads as f64 / vectors as f64;
                let most = 1.5 * per_vector(model.counts.loads, &model);
                assert!(loads <= most, "{loads} > {most} loads a vector: {case}");
                // Where lanes are channels, no tap in the padding is multiplied, but for the
                // neighbours that pairs at the border lack.
                if layout == Layout::Nhwc && instance.body != Body::Pairs {
                    let products = products(&case.shape) * case.shape.channels / LANES;
                    assert_eq!(counts.fmas, products, "{case}");
                }
                layers += 1;
            }
        }
    }
    println!("{layers} layers");
    assert_eq!(layers, Layout::ALL.len() * Machine::ALL.len() * 3 * LAYERS.len());
}

/// Windows and taps that meet inside the input, in one channel of one image.
fn products(shape: &Shape) -> usize {
    let taps = |axis: usize| (0..shape.output()[axis]).map(move |window| shape.taps(axis, window));
    taps(0).sum::<usize>() * taps(1).sum::<usize>()
}
