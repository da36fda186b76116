/** Limits the time of every stop: after the limit the process exits. */
import type { Log } from '../events/log.ts'

let due: NodeJS.Timeout | undefined

/**
 * Exits with code 1 after the given time, unless the process has ended by then. A later call replaces the limit.
 * The timer does not keep the process alive. @param why the work that is limited, for the log
 */
export function endWithin(milliseconds: number, why: string, log: Pick<Log, 'fatal' | 'close'>, error?: unknown): void {
  clearTimeout(due)
  due = setTimeout(() => {
    log.fatal(
      { event: 'process.cut', why, afterSeconds: milliseconds / 1000, error },
      'Stopping took too long; the process exits now',
    )
    // A log that hangs must not delay the exit.
    setTimeout(() => process.exit(1), 500)
    void log.close().finally(() => process.exit(1))
  }, milliseconds)
  due.unref()
}
