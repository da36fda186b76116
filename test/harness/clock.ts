/** A process whose clock is wrong, as those of real machines are. */

/** Environment of a node that believes it is so much later; negative: earlier. Its database keeps the right time. */
export function clockOff(seconds: number): { NODE_OPTIONS: string } {
  const program = `
    const Real = Date
    globalThis.Date = class Date extends Real {
      constructor(...given) { given.length === 0 ? super(Real.now() + ${seconds * 1000}) : super(...given) }
      static now() { return Real.now() + ${seconds * 1000} }
    }`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` }
}
