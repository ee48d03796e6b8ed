//! Instructions of functions, what each costs and where it can go next; and their loops.

use std::collections::HashSet;
use std::fmt;
use std::iter::Sum;

/// What instructions cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Vector multiply-adds.
    pub fmas: u32,
    /// Vectors loaded from tensors, parts of vectors included.
    pub loads: u32,
    /// Vectors stored to tensors, parts of vectors included.
    pub stores: u32,
    /// Vectors moved to or from the stack.
    pub spills: u32,
    /// Branches and calls.
    pub branches: u32,
    /// Instructions.
    pub instructions: u32,
}

impl Counts {
    /// The names of the counts, in the order of [`Self::values`].
    pub const NAMES: [&str; 6] = ["fmas", "loads", "stores", "spills", "branches", "instructions"];

    /// The counts in the order of [`Self::NAMES`].
    pub fn values(self) -> [u32; 6] {
        [self.fmas, self.loads, self.stores, self.spills, self.branches, self.instructions]
    }
}

impl From<[u32; 6]> for Counts {
    fn from([fmas, loads, stores, spills, branches, instructions]: [u32; 6]) -> Self {
        Self { fmas, loads, stores, spills, branches, instructions }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        let add = |sum: [u32; 6], counts: Self| {
            let values = counts.values();
            std::array::from_fn(|i| sum[i] + values[i])
        };
        counts.fold([0; 6], add).into()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let counts = Self::NAMES.iter().zip(self.values());
        let counts: Vec<_> = counts.map(|(name, value)| format!("{value} {name}")).collect();
        f.write_str(&counts.join(", "))
    }
}

/// How multiply-adds in a loop depend on each other. An in-order core waits for the sum that it adds to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chains {
    /// Registers that are added to.
    pub accumulators: u32,
    /// The fewest multiply-adds from one to the next that adds to the same register.
    pub distance: u32,
}

/// An instruction.
#[derive(Debug)]
pub struct Instruction {
    /// Its line in the listing.
    pub text: String,
    /// What it costs.
    pub counts: Counts,
    /// The register that it multiplies and adds into, where registers are known.
    pub accumulator: Option<u32>,
    /// The instructions that can follow, by index.
    pub next: Vec<usize>,
}

/// A function, or several.
#[derive(Debug)]
pub struct Code(pub Vec<Instruction>);

impl Code {
    /// Functions, one after another.
    pub fn join(functions: impl IntoIterator<Item = Self>) -> Self {
        let mut joined: Vec<Instruction> = Vec::new();
        for Self(mut function) in functions {
            let first = joined.len();
            for next in function.iter_mut().flat_map(|instruction| &mut instruction.next) {
                *next += first;
            }
            joined.append(&mut function);
        }
        Self(joined)
    }

    /// What everything costs.
    pub fn total(&self) -> Counts {
        self.0.iter().map(|instruction| instruction.counts).sum()
    }

    /// What the instructions with these indices cost.
    pub fn sum(&self, indices: &[usize]) -> Counts {
        indices.iter().map(|&i| self.0[i].counts).sum()
    }

    /// How the multiply-adds among the instructions with these indices depend on each other, if they are
    /// executed in this order again and again. Where registers are not known, there are none.
    pub fn chains(&self, indices: &[usize]) -> Chains {
        let order: Vec<_> = indices.iter().filter_map(|&i| self.0[i].accumulator).collect();
        let distance = |(i, register)| {
            let later = order[i + 1..].iter().chain(&order[..=i]);
            later.zip(1..).find(|&(other, _)| other == register).map(|(_, distance)| distance)
        };
        Chains {
            accumulators: order.iter().collect::<HashSet<_>>().len() as u32,
            distance: order.iter().enumerate().filter_map(distance).min().unwrap_or(0),
        }
    }

    /// The innermost loop with the most fmas for each branch; everything if no loop has an fma.
    ///
    /// The most fmas alone would often be those of a loop for partial vectors, which has the same
    /// ones between branches, and some twice. Of equals, the one with more fmas, then the one with
    /// fewer instructions, then the first.
    pub fn hot_loop(&self) -> Vec<usize> {
        let loops = self.loops();
        let innermost = loops.iter().filter(|one| {
            loops
                .iter()
                .all(|other| other.header == one.header || !one.body.contains(&other.header))
        });
        innermost
            .map(|one| (&one.body, self.sum(&one.body)))
            .filter(|(_, counts)| counts.fmas > 0)
            .rev()
            .max_by(|(_, a), (_, b)| {
                let by_branch = (a.fmas * b.branches).cmp(&(b.fmas * a.branches));
                by_branch.then(a.fmas.cmp(&b.fmas)).then(b.instructions.cmp(&a.instructions))
            })
            .map_or_else(|| (0..self.0.len()).collect(), |(body, _)| body.clone())
    }

    /// The listing, with `>` before the instructions in `indices`.
    pub fn marked(&self, indices: &[usize]) -> String {
        let lines = self.0.iter().enumerate().map(|(i, instruction)| {
            let mark = if indices.contains(&i) { '>' } else { ' ' };
            format!("{mark} {}\n", instruction.text)
        });
        lines.collect()
    }

    /// The natural loops, one for each header, in the order of the headers.
    fn loops(&self) -> Vec<Loop> {
        let mut back_edges = self.back_edges();
        back_edges.sort_unstable();
        let mut previous = vec![Vec::new(); self.0.len()];
        for (i, instruction) in self.0.iter().enumerate() {
            for &next in &instruction.next {
                previous[next].push(i);
            }
        }
        let same_header = |a: &(usize, usize), b: &(usize, usize)| a.0 == b.0;
        let loops = back_edges.chunk_by(same_header).map(|edges| {
            let header = edges[0].0;
            let mut inside = vec![false; self.0.len()];
            inside[header] = true;
            let mut open: Vec<_> = edges.iter().map(|&(_, latch)| latch).collect();
            while let Some(i) = open.pop() {
                if !inside[i] {
                    inside[i] = true;
                    open.extend(&previous[i]);
                }
            }
            Loop { header, body: (0..inside.len()).filter(|&i| inside[i]).collect() }
        });
        loops.collect()
    }

    /// The edges that go back to an instruction on the path that leads to them, as (to, from).
    fn back_edges(&self) -> Vec<(usize, usize)> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            OnPath,
            Done,
        }
        let mut state = vec![State::New; self.0.len()];
        let mut edges = Vec::new();
        for start in 0..self.0.len() {
            // Each entry is an instruction and how many of its successors have been followed.
            let mut path = vec![(start, 0)];
            if state[start] != State::New {
                continue;
            }
            state[start] = State::OnPath;
            while let Some((i, followed)) = path.last_mut() {
                let from = *i;
                let Some(&to) = self.0[from].next.get(*followed) else {
                    state[from] = State::Done;
                    path.pop();
                    continue;
                };
                *followed += 1;
                match state[to] {
                    State::New => {
                        state[to] = State::OnPath;
                        path.push((to, 0));
                    }
                    State::OnPath => edges.push((to, from)),
                    State::Done => {}
                }
            }
        }
        edges
    }
}

/// A loop's instructions, by index.
struct Loop {
    header: usize,
    body: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of instructions with these fmas and successors; those with two branch.
    fn code(instructions: &[(u32, &[usize])]) -> Code {
        let instructions = instructions.iter().map(|&(fmas, next)| {
            let branches = u32::from(next.len() == 2);
            let counts = Counts { fmas, branches, instructions: 1, ..Counts::default() };
            Instruction { text: String::new(), counts, accumulator: None, next: next.to_vec() }
        });
        Code(instructions.collect())
    }

    #[test]
    fn the_hot_loop_is_an_innermost_one() {
        // 0 → 1 → [2 → [3 → 4] → 5 → [6] → 7] → 8
        let nested = code(&[
            (9, &[1]),
            (9, &[2]),
            (9, &[3]),
            (2, &[4]),
            (3, &[3, 5]),
            (9, &[6]),
            (4, &[6, 7]),
            (9, &[2, 8]),
            (9, &[]),
        ]);
        assert_eq!(nested.hot_loop(), [3, 4]);
    }

    #[test]
    fn the_hot_loop_has_many_fmas_between_branches() {
        // [0 → 1] → [2 → (3) → 4 → (5) → 6] → [7 → 8]
        let code = code(&[
            (1, &[1]),
            (1, &[0, 2]),
            (2, &[3, 4]),
            (1, &[4]),
            (2, &[5, 6]),
            (1, &[6]),
            (1, &[2, 7]),
            (2, &[8]),
            (1, &[7, 9]),
            (0, &[]),
        ]);
        assert_eq!(code.hot_loop(), [7, 8]);
    }

    #[test]
    fn of_loops_with_equal_fmas_and_branches_the_shortest_is_hot() {
        let code = code(&[(2, &[1]), (0, &[2]), (0, &[0, 3]), (2, &[4]), (0, &[3, 5]), (0, &[])]);
        assert_eq!(code.hot_loop(), [3, 4]);
    }

    #[test]
    fn code_after_a_loop_that_is_laid_out_inside_it_is_not_the_loops() {
        let code = code(&[(1, &[1, 2]), (1, &[3]), (7, &[]), (1, &[0])]);
        assert_eq!(code.hot_loop(), [0, 1, 3]);
    }

    #[test]
    fn loops_continued_in_two_places_are_one() {
        let code = code(&[(1, &[1]), (1, &[0, 2]), (1, &[0, 3]), (1, &[])]);
        assert_eq!(code.hot_loop(), [0, 1, 2]);
    }

    #[test]
    fn loops_of_all_functions_are_seen() {
        let caller = || code(&[(2, &[1]), (0, &[0, 2]), (0, &[])]);
        let called = || code(&[(1, &[1]), (3, &[1, 2]), (0, &[])]);
        assert_eq!(Code::join([caller(), called()]).hot_loop(), [4]);
        assert_eq!(Code::join([called(), caller()]).hot_loop(), [1]);
        assert_eq!(Code::join([caller(), called()]).total().fmas, 6);
    }

    #[test]
    fn chains_go_round() {
        let chains = |accumulators: &[Option<u32>]| {
            let instructions = accumulators.iter().map(|&accumulator| Instruction {
                text: String::new(),
                counts: Counts::default(),
                accumulator,
                next: vec![],
            });
            let all: Vec<_> = (0..accumulators.len()).collect();
            let Chains { accumulators, distance } = Code(instructions.collect()).chains(&all);
            (accumulators, distance)
        };
        assert_eq!(chains(&[]), (0, 0));
        assert_eq!(chains(&[None, Some(7)]), (1, 1));
        assert_eq!(chains(&[Some(1), None, Some(2), Some(3)]), (3, 3));
        // From the last 1 to the first.
        assert_eq!(chains(&[Some(1), Some(2), Some(3), Some(1)]), (3, 1));
        assert_eq!(chains(&[Some(1), Some(2), Some(1), Some(3)]), (3, 2));
    }

    #[test]
    fn without_fmas_in_loops_everything_is_hot() {
        assert_eq!(code(&[(1, &[1]), (0, &[1, 2]), (1, &[])]).hot_loop(), [0, 1, 2]);
        assert_eq!(code(&[]).hot_loop(), [0; 0]);
    }
}
