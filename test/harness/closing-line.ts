/** The last line of a run, plain enough for any machine that reads it. */
import type { AggregatedResult, Config, Reporter, TestContext } from '@jest/reporters'

export default class ClosingLine implements Pick<Reporter, 'onRunComplete'> {
  readonly #isForPeople: boolean

  constructor({ json }: Config.GlobalConfig) {
    this.#isForPeople = !json
  }

  onRunComplete(_contexts: Set<TestContext>, results: AggregatedResult): void {
    if (this.#isForPeople) process.stdout.write(`${closingLine(results)}\n`)
  }
}

type Counts = Pick<
  AggregatedResult,
  'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numRuntimeErrorTestSuites'
>

/** A file that could not even be loaded is a failure, though none of its tests is. */
export function closingLine(counts: Counts): string {
  const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites
  const skipped = counts.numPendingTests > 0 ? `, ${counts.numPendingTests} skipped` : ''
  return `${counts.numPassedTests} passed, ${failed} failed${skipped}`
}
