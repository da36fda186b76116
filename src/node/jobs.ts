/** The scheduled jobs of a node. One node at a time runs each job. */
import type { Deployment } from '../deployment/deployment.ts'
import type { Log } from '../events/log.ts'
import { startTimetable, type Timetable } from '../rhythm/timetable.ts'
import { exclusively } from '../storage/connection/exclusively.ts'
import { removeExpiredRevocations } from '../storage/revocation/revocation-log.ts'
import { removeExpired } from '../storage/upkeep/housekeeping.ts'
import type { NodeKeys } from './keys.ts'
import type { openLedger } from './ledger.ts'
import type { NodeRevocations } from './revocations.ts'
import type { openSignals } from './signals.ts'

export interface NodeJobsNeeds {
  deployment: Deployment
  keys: NodeKeys
  revocations: NodeRevocations
  ledger: Awaited<ReturnType<typeof openLedger>>
  signals: Awaited<ReturnType<typeof openSignals>>
  log: Pick<Log, 'warn'>
}

export function startJobs({ deployment, keys, revocations, ledger, signals, log }: NodeJobsNeeds): Timetable {
  const { config, db } = deployment
  const { eventRetentionSeconds, keyPublishLeadSeconds } = config
  return startTimetable(
    [
      {
        name: 'remove what has expired',
        everySeconds: 60,
        atStart: true,
        run: async () => void (await removeExpired(db, new Date(), { eventRetentionSeconds })),
      },
      {
        name: 'rotate keys',
        everySeconds: keyStepSeconds(keyPublishLeadSeconds),
        atStart: true,
        run: async () => void (await keys.keyring.runDueStep()),
      },
      {
        name: 'remove revocations of what has expired',
        everySeconds: 60,
        run: async () => void (await removeExpiredRevocations(db)),
      },
      { name: 'empty the ledger of what has expired', everySeconds: 600, run: ledger.tidy },
      { name: 'clear event streams', everySeconds: 60, run: () => signals.clear() },
      { name: 'rotate cookie keys', everySeconds: 3600, run: () => keys.cookies.runDueStep() },
    ],
    {
      // A node whose clock is wrong runs no job: it would rotate keys and remove rows too early.
      exclusively: async (name, work) => !revocations.live.clock.isOff && exclusively(db, name, work),
      onTrouble: (job, error) => log.warn({ error, job }, 'A scheduled job failed'),
    },
  )
}

/** A due step waits at most a tenth of the publish lead. */
const keyStepSeconds = (leadSeconds: number) => Math.max(0.5, Math.min(30, leadSeconds / 10))
