/** Resolves at the first SIGTERM or SIGINT. A second signal of the same kind ends the process at once, by Node's default. */
export function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
}
