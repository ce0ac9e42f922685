/** Groups the commits of many callers: for libraries that only have blocking ones. */

/** `commitAll(items)` is called once a turn of the event loop with all that came meanwhile. */
export function commitQueue(commitAll) {
  let waiting = []
  const commit = () => {
    const group = waiting
    waiting = []
    commitAll(group.map(({ item }) => item))
    for (const { resolve } of group) resolve()
  }
  return (item) =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(commit)
      waiting.push({ item, resolve })
    })
}
