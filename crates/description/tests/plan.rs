//! Plans by brute force: each result is in one rectangle, and tiles miss and read what their windows do.

use depthwise_description::{
    Axis, Body, Columns, INSTANCES, Instance, Machine, Padding, Pass, Plan, Problem, Rectangle,
    Size, Span,
};

/// Plans of an instance for maps of many sizes, padded in many ways.
fn plans(instance: &'static Instance) -> impl Iterator<Item = Plan> {
    let exact = |size: Size, any: usize| match size {
        Size::Exactly(size) => size,
        Size::Any => any,
    };
    let (kernel, stride) = (exact(instance.kernel, 3), exact(instance.stride, 1));
    let most = 2 * instance.tile.columns * stride + kernel;
    let passes = [Pass::Forward, Pass::GradInput];
    let sizes = passes.into_iter().flat_map(move |pass| (1..=most).map(move |size| (pass, size)));
    let low = sizes.flat_map(move |size| (-1..=kernel as isize).map(move |low| (size, low)));
    let pads =
        low.flat_map(move |(size, low)| (-1..=kernel as isize).map(move |high| (size, low, high)));
    // One of the two axes is as long as the tiles are wide, and the other as short as they are high.
    pads.filter_map(move |((pass, size), low, high)| {
        let height = 1 + (size + low.unsigned_abs()) % (2 * instance.tile.rows + kernel);
        let problem = Problem::builder()
            .pass(pass)
            .channels(4)
            .input([height, size])
            .kernel([kernel; 2])
            .stride([stride; 2])
            .padding(Padding { top: low, bottom: kernel as isize / 2, left: low, right: high })
            .layout(instance.layout)
            .build();
        Plan::with_instance(problem.ok()?, Machine::ALL[size % Machine::ALL.len()], instance).ok()
    })
}

/// The windows of a plan's results along an axis, and how many results each of them has.
fn windows(plan: &Plan, axis: Axis) -> (Axis, usize) {
    match (plan.problem().pass(), axis.adjoint(), axis.pairs()) {
        (Pass::Forward, ..) => (axis, 1),
        (_, Some(adjoint), _) => (adjoint, 1),
        (_, None, Some(pairs)) => (pairs.windows, 2),
        _ => unreachable!("no instance has tiles for it"),
    }
}

/// Where windows `first..=last` begin to read, and what they miss at either end.
fn reads(axis: Axis, first: usize, last: usize) -> (usize, [usize; 2]) {
    let place =
        |window: usize, tap: usize| (window * axis.stride() + tap) as isize - axis.pad_low();
    let (start, end) = (place(first, 0), place(last, axis.kernel()));
    let missed = |elements: isize| usize::try_from(elements).unwrap_or(0);
    (missed(start), [missed(-start), missed(end - axis.input() as isize)])
}

fn results(span: &Span) -> impl Iterator<Item = usize> {
    let Span { out, len, out_step, .. } = *span;
    (0..len).map(move |index| out + index * out_step)
}

/// The columns of a rectangle, which are where it says that they are.
fn columns(plan: &Plan, rectangle: &Rectangle) -> Vec<usize> {
    let tile = match &rectangle.columns {
        Columns::Span(span) => return results(span).collect(),
        Columns::Tiles(tile) => tile,
    };
    let (axis, unit) = windows(plan, plan.problem().width());
    for index in 0..tile.count {
        let out = tile.out + index * tile.columns;
        let (src, clips) = reads(axis, out / unit, (out + tile.columns - 1) / unit);
        assert_eq!([tile.clip_low, tile.clip_high], clips, "{tile:?} of {plan:?}");
        assert_eq!(
            tile.src + index * tile.columns / unit * axis.stride(),
            src,
            "{tile:?} of {plan:?}"
        );
    }
    let backwards = plan.problem().pass() == Pass::GradInput && unit == 1;
    let taps = if backwards { (axis.kernel() - 1, -1) } else { (0, 1) };
    assert_eq!((tile.tap, tile.tap_step), taps);
    assert!(tile.columns <= tile.instance.tile.columns);
    (tile.out..tile.out + tile.count * tile.columns).collect()
}

fn rows(plan: &Plan, rectangle: &Rectangle) -> Vec<usize> {
    let rows = &rectangle.rows;
    if rectangle.instance.body == Body::Roll {
        let (axis, _) = windows(plan, plan.problem().height());
        let (src, clips) = reads(axis, rows.out, rows.out + rows.len - 1);
        assert_eq!((rows.src, [rectangle.clip_low, rectangle.clip_high]), (src, clips), "{plan:?}");
        let backwards = plan.problem().pass() == Pass::GradInput;
        let taps = if backwards { (axis.kernel() - 1, -1) } else { (0, 1) };
        assert_eq!(((rows.tap, rows.tap_step), rows.taps), (taps, axis.kernel()));
        assert_eq!((rows.src_step, rows.src_tap), (axis.stride(), 1));
    }
    results(rows).collect()
}

/// Whether a rectangle is nothing but more tiles of the one before it, which should have had them.
fn continues(before: &Rectangle, rectangle: &Rectangle) -> bool {
    let (Columns::Tiles(a), Columns::Tiles(b)) = (&before.columns, &rectangle.columns) else {
        return false;
    };
    let whole = [a.clip_low, a.clip_high, b.clip_low, b.clip_high] == [0; 4];
    let alike = a.instance == b.instance && a.columns == b.columns;
    before.rows == rectangle.rows && whole && alike && b.out == a.out + a.count * a.columns
}

/// Each result of one image and one channel is in one rectangle of one part.
fn covers(plan: &Plan) {
    let (problem, forward) = (plan.problem(), plan.problem().pass() == Pass::Forward);
    let size = |axis: Axis| if forward { axis.output() } else { axis.input() };
    let (height, width) = (size(problem.height()), size(problem.width()));
    assert_eq!(plan.sweep().is_gradient(), !forward);
    let mut times = vec![0; height * width];
    for part in plan.parts().filter(|part| part.channels.start == 0) {
        let rectangles: Vec<_> = plan.rectangles(part.rows, true).collect();
        assert!(rectangles.windows(2).all(|two| !continues(&two[0], &two[1])), "{plan:?}");
        for rectangle in rectangles {
            let instance = match &rectangle.columns {
                Columns::Tiles(tile) if rectangle.rows.taps > 0 => tile.instance,
                _ => plan.general(),
            };
            assert_eq!(rectangle.instance, instance, "{rectangle:?} of {plan:?}");
            let columns = columns(plan, &rectangle);
            for row in rows(plan, &rectangle) {
                columns.iter().for_each(|column| times[row * width + column] += 1);
            }
        }
    }
    assert!(times.iter().all(|times| *times == 1), "{times:?} of {plan:?}");
}

#[test]
fn each_result_is_computed_once_and_from_where_its_window_lies() {
    for instance in INSTANCES.iter().filter(|instance| instance.pass != Pass::GradWeight) {
        let (mut count, mut own) = (0, 0);
        for plan in plans(instance) {
            covers(&plan);
            count += 1;
            own += usize::from(plan.explain().any(|rectangle| rectangle.instance == instance));
        }
        // The others are left to the general instance.
        assert!(count > 20 && own > 20, "{own} of {count} plans run {}", instance.name);
    }
}

/// Parts are given what a rectangle of the whole has in their rows.
#[test]
fn a_narrowed_rectangle_is_that_of_its_rows() {
    let mut narrowed = 0;
    for instance in INSTANCES.iter().filter(|instance| instance.pass != Pass::GradWeight) {
        for plan in plans(instance).step_by(41) {
            let height = plan.sweep().results[0];
            let rows = [0..1, 0..height, height / 3..height, 1..height / 2 + 1, height - 1..height];
            for rows in rows.into_iter().filter(|rows| !rows.is_empty()) {
                let own: Vec<_> = plan.rectangles(rows.clone(), true).collect();
                let whole = plan.explain();
                let parts = whole.filter_map(|whole| plan.narrowed(&whole, rows.clone()));
                let parts: Vec<_> = parts.collect();
                assert_eq!(parts, own, "rows {rows:?} of {plan:?}");
                narrowed += own.len();
                let computed = parts.iter().flat_map(|part| self::rows(&plan, part));
                assert!(computed.into_iter().all(|row| rows.contains(&row)));
            }
        }
    }
    assert!(narrowed > 10_000, "{narrowed}");
}
