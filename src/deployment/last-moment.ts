/** Every stop has an end: what still hangs then, ends with the process. */
import type { Log } from '../events/log.ts'

let due: NodeJS.Timeout | undefined

/**
 * Ends this process after so long with exit code 1, unless it has ended by then; a later call sets the time anew.
 * Does not keep the process alive. @param why what was being done
 */
export function endWithin(milliseconds: number, why: string, log: Pick<Log, 'fatal' | 'close'>, error?: unknown): void {
  clearTimeout(due)
  due = setTimeout(() => {
    log.fatal(
      { event: 'process.cut', why, afterSeconds: milliseconds / 1000, error },
      'It took too long: the process ends now',
    )
    // A log that hangs as well must not hold it.
    setTimeout(() => process.exit(1), 500)
    void log.close().finally(() => process.exit(1))
  }, milliseconds)
  due.unref()
}
