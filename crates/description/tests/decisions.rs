//! What the planner decides for the layers of the built-in networks and at its own thresholds, compared with
//! `decisions.tsv`: most decisions change no result but its speed, so that no other test sees them go wrong.
//!
//! After a change that is meant to decide otherwise,
//! `DEPTHWISE_BLESS=1 cargo test -p depthwise-description --test decisions` writes the table anew.

#![cfg(not(depthwise_lean))]

use std::collections::BTreeSet;

use depthwise_description::{
    Axis, Columns, Instance, Layout, Machine, Padding, Pass, Plan, Problem, ProblemBuilder,
};

const GOLDEN: &str = include_str!("decisions.tsv");

const HEADER: &str = "layer\tpass\tlayout\tmachines\tinstance\tcolumns\tparts\tblock\tturn\tstrip\tof 2 threads\tof 4\n";

/// The depthwise layers of networks, from `crates/cli/networks.csv`.
fn networks() -> impl Iterator<Item = ProblemBuilder> {
    let lines = include_str!("../../cli/networks.csv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1).map(|line| {
        let sizes: Vec<usize> = line.split(',').skip(2).map(|size| size.parse().unwrap()).collect();
        let [n, c, h, w, kh, kw, sh, sw, top, left, bottom, right, dilation, _count] = sizes[..]
        else {
            panic!("{line}")
        };
        let [top, left, bottom, right] = [top, left, bottom, right].map(|pad| pad as isize);
        let padding = Padding { top, bottom, left, right };
        let builder = Problem::builder().batch(n).channels(c).input([h, w]).kernel([kh, kw]);
        builder.stride([sh, sw]).dilation([dilation; 2]).padding(padding)
    })
}

/// Sizes on both sides of each of the planner's thresholds.
fn thresholds() -> impl Iterator<Item = ProblemBuilder> {
    let square = |channels, size, kernel, stride| {
        let builder = Problem::builder().channels(channels).input([size; 2]);
        builder.kernel([kernel; 2]).stride([stride; 2]).same_upper()
    };
    let padded = |input, kernel, stride, [top, bottom]: [isize; 2]| {
        let padding = Padding { top, bottom, left: 1, right: 1 };
        let builder = Problem::builder().channels(8).input(input);
        builder.kernel([kernel; 2]).stride([stride; 2]).padding(padding)
    };
    // Strips, and the columns that crowd sets of the cache: channels that are multiples of its sets, or hardly.
    let channels = [16, 48, 80, 112, 256, 260, 320, 448, 512, 516, 768, 1024, 1536, 2048];
    let strips = channels.into_iter().flat_map(move |channels| {
        [(14, 3, 1), (29, 3, 1), (57, 3, 2), (28, 5, 2)]
            .map(|(size, kernel, stride)| square(channels, size, kernel, stride))
    });
    // Rows that just stay in the cache, or just don't: by their lines, and by the sets that these share.
    let rows = [([9, 64], 8), ([9, 65], 8), ([9, 64], 36), ([9, 64], 32), ([9, 64], 40)];
    let rows = rows.into_iter().map(|(input, channels)| {
        Problem::builder().input(input).channels(channels).kernel([7; 2]).same_upper()
    });
    // Rows that a rolling instance can march down: enough results, and clipped by half a kernel at most.
    let heights = [1, 2, 3, 5]
        .into_iter()
        .flat_map(|height| [(3, 1), (3, 2), (5, 1)].map(|window| (height, window)));
    let rolling = heights.flat_map(move |(height, (kernel, stride))| {
        [[0, 0], [1, 1], [2, 1], [0, 2]].map(|pads| padded([height, 9], kernel, stride, pads))
    });
    // Blocks of rows and of channels, each at half the cache; rows of one element.
    let blocks = [
        ([32, 32], 32),
        ([32, 33], 32),
        ([64, 33], 64),
        ([1, 4096], 256),
        ([2, 4096], 256),
        ([28, 29], 8),
        ([29, 28], 8),
        ([57, 16], 8),
        ([45, 45], 3),
        ([46, 46], 3),
        ([8, 8], 31),
        ([8, 8], 32),
        ([8, 8], 33),
    ];
    let blocks = blocks.into_iter().flat_map(|(input, channels)| {
        [3, 7].map(|kernel| {
            let builder = Problem::builder().input(input).channels(channels);
            builder.kernel([kernel; 2]).same_upper()
        })
    });
    // Work that is just worth several threads, or just not; images share it, too.
    let worth = [([65, 65], 32), ([65, 64], 32), ([65, 66], 32), ([9, 9], 2048), ([3, 2049], 64)];
    let worth = worth.into_iter().flat_map(|(input, channels)| {
        [1, 2, 5].map(|batch| {
            Problem::builder().batch(batch).input(input).channels(channels).kernel([2; 2])
        })
    });
    // What no specialised instance computes, or not all of it.
    let [any, wide] = [square(24, 30, 3, 1), square(24, 30, 5, 2)];
    let others = [
        any.dilation([2, 1]),
        any.dilation([1, 2]),
        any.stride([1, 2]),
        any.multiplier(2),
        wide.multiplier(3),
        any.kernel([3, 5]),
        any.kernel([1, 1]),
        any.kernel([2, 2]),
        any.kernel([9, 9]),
        any.stride([3, 3]),
        any.channels(3),
        any.channels(5).batch(3),
        any.padding(Padding::symmetric(2, 2)),
        any.padding(Padding { top: -1, bottom: 0, left: -2, right: 1 }),
        wide.padding(Padding { top: 1, bottom: 2, left: 2, right: 3 }),
    ];
    let widths = [1, 2, 4, 6, 9, 12].into_iter().flat_map(move |width| {
        [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)]
            .map(|(kernel, stride)| square(4, 9, kernel, stride).input([9, width]))
    });
    strips.chain(rows).chain(rolling).chain(blocks).chain(worth).chain(others).chain(widths)
}

/// `1x112x112x32 k3 s2 p0,0,1,1`: images, height, width and channels; pads from the top on, against the clock; what
/// is 1 or the same in both directions goes without saying.
fn layer(problem: &Problem) -> String {
    let [height, width] = [problem.height(), problem.width()];
    let both = |name: &str, of: fn(&Axis) -> usize| match [of(&height), of(&width)] {
        [1, 1] => String::new(),
        [h, w] if h == w => format!(" {name}{h}"),
        [h, w] => format!(" {name}{h}x{w}"),
    };
    let pads = [height.pad_low(), width.pad_low(), height.pad_high(), width.pad_high()];
    let pads = match pads {
        [0, 0, 0, 0] => String::new(),
        [pad, ..] if pads == [pad; 4] => format!(" p{pad}"),
        [top, left, bottom, right] => format!(" p{top},{left},{bottom},{right}"),
    };
    let multiplier = match problem.multiplier() {
        1 => String::new(),
        multiplier => format!(" m{multiplier}"),
    };
    let [n, h, w, c] = [problem.batch(), height.input(), width.input(), problem.channels()];
    let (kernel, stride) = (both("k", Axis::kernel), both("s", Axis::stride));
    let dilation = both("d", Axis::dilation);
    format!("{n}x{h}x{w}x{c}{kernel}{stride}{dilation}{pads}{multiplier}")
}

/// `1+2×7+s3`: stretches of columns from left to right: of tiles, their number and width, of spans, their results.
fn columns(plan: &Plan) -> String {
    let rectangles: Vec<_> = plan.explain().collect();
    let mut stretches: Vec<(usize, String)> = Vec::new();
    for rectangle in &rectangles {
        let (out, stretch) = match &rectangle.columns {
            Columns::Tiles(tile) if tile.count == 1 => (tile.out, tile.columns.to_string()),
            Columns::Tiles(tile) => (tile.out, format!("{}×{}", tile.count, tile.columns)),
            Columns::Span(span) => (span.out, format!("s{}", span.len)),
        };
        if !stretches.contains(&(out, stretch.clone())) {
            stretches.push((out, stretch));
        }
    }
    stretches.into_iter().map(|(_, stretch)| stretch).collect::<Vec<_>>().join("+")
}

/// `6:32x14`: the number of parts, and channels and rows of the first, which is the largest.
fn parts(plan: &Plan) -> String {
    let first = plan.part(0);
    format!("{}:{}x{}", plan.part_count(), first.channels.len(), first.rows.len())
}

/// All that is decided, but for the machine's name; of gradients of weights, also for how many channels 2 and 4
/// threads sum at a time.
fn decided(plan: &Plan) -> String {
    let Instance { body, tile, .. } = plan.instance();
    let instance = format!("{} {}x{}x{}", body.name(), tile.rows, tile.columns, tile.vectors);
    let shared = [2, 4].map(|threads| (plan.shared(threads), plan.shared_channels(threads)));
    if plan.problem().pass() == Pass::GradWeight {
        let [two, four] = shared.map(|(_, channels)| channels);
        return format!("{instance}\t{}\t{two} {four}", plan.turn());
    }
    let [two, four] = shared.map(|(shared, channels)| match plan.problem().pass() {
        // Gradients of biases are shared like those of weights.
        Pass::Forward => format!("{} {channels}", parts(&shared)),
        _ => parts(&shared),
    });
    let (columns, parts, block, turn) = (columns(plan), parts(plan), plan.block(), plan.turn());
    let strip = plan.strip();
    format!("{instance}\t{columns}\t{parts}\t{block}\t{turn}\t{strip}\t{two}\t{four}")
}

/// A line for each thing that is decided, with the machines that decide so.
fn lines(problem: Problem) -> Vec<String> {
    let mut decisions: Vec<(String, Vec<&str>)> = Vec::new();
    for machine in Machine::ALL {
        let decision = decided(&Plan::new(problem, machine));
        match decisions.iter_mut().find(|(other, _)| *other == decision) {
            Some((_, machines)) => machines.push(machine.name),
            None => decisions.push((decision, vec![machine.name])),
        }
    }
    let line = |(decision, machines): (String, Vec<&str>)| {
        let (layer, pass, layout) = (layer(&problem), problem.pass(), problem.layout());
        format!("{layer}\t{pass}\t{layout}\t{}\t{decision}", machines.join(" "))
    };
    decisions.into_iter().map(line).collect()
}

#[test]
fn decisions_are_those_of_the_table() {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for builder in networks().chain(thresholds()) {
        // Windows that don't fit are no case.
        let Ok(problem) = builder.build() else { continue };
        if !seen.insert(layer(&problem)) {
            continue;
        }
        for layout in Layout::ALL {
            for pass in [Pass::Forward, Pass::GradInput, Pass::GradWeight] {
                found.extend(lines(builder.layout(layout).pass(pass).build().unwrap()));
            }
        }
    }
    if std::env::var_os("DEPTHWISE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decisions.tsv");
        std::fs::write(path, HEADER.to_owned() + &found.join("\n") + "\n").unwrap();
        return;
    }
    let golden: Vec<_> = GOLDEN.strip_prefix(HEADER).expect("the table's head").lines().collect();
    let [new, old]: [BTreeSet<&str>; 2] =
        [found.iter().map(String::as_str).collect(), golden.iter().copied().collect()];
    let mut differences: Vec<_> = old.difference(&new).map(|line| format!("- {line}")).collect();
    differences.extend(new.difference(&old).map(|line| format!("+ {line}")));
    differences.sort_by(|a, b| a[2..].cmp(&b[2..]));
    assert!(
        differences.is_empty(),
        "{} lines differ from crates/description/tests/decisions.tsv:\n{}",
        differences.len(),
        differences[..differences.len().min(20)].join("\n")
    );
    assert_eq!(golden, found, "the order of the lines");
}
