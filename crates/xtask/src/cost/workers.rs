//! Work on all processors.

use std::sync::Mutex;
use std::thread;

use anyhow::Result;

/// The results of `work` for each item, in the order of the items. After an error, no further item
/// is begun.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let todo = Mutex::new(items.iter().enumerate());
    let next = || todo.lock().ok()?.next();
    let done = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    while let Some((index, item)) = next() {
                        let result = work(item);
                        if result.is_err()
                            && let Ok(mut todo) = todo.lock()
                        {
                            todo.by_ref().for_each(drop);
                        }
                        done.push((index, result));
                    }
                    done
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let mut done = done;
    done.sort_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn results_are_in_order() {
        let items: Vec<u64> = (0..100).collect();
        let doubled: Vec<u64> = items.iter().map(|item| 2 * item).collect();
        assert_eq!(map(&items, |item| Ok(2 * item)).unwrap(), doubled);
        assert_eq!(map(&[], |&item: &u64| Ok(item)).unwrap(), [0_u64; 0]);
    }

    #[test]
    fn an_error_is_passed_on() {
        let result = map(&[1, 2, 3], |&item| if item == 2 { bail!("two") } else { Ok(item) });
        assert_eq!(result.unwrap_err().to_string(), "two");
    }
}
