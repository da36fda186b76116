import { isConfirmed } from '../bound.ts'
import { counted } from '../moment.ts'
import type { Check } from './check.ts'

const oldestMajor = 14
const clockToleranceSeconds = 2

export const databaseCheck: Check = {
  name: 'database',
  carries: true,
  async look(desk) {
    const { version, where, embedded } = await desk.database.describe()
    const found = `Postgres ${version}, ${embedded ? 'embedded, ' : ''}${where}.`
    if (Number.parseInt(version, 10) >= oldestMajor) return { outcome: 'ok', found }
    return { outcome: 'failed', found, mend: `Use Postgres ${oldestMajor} or later.` }
  },
}

export const primaryCheck: Check = {
  name: 'primary',
  carries: true,
  async look(desk) {
    await desk.database.refuseUnwritable()
    return { outcome: 'ok', found: 'The server accepts writes: it is a primary.' }
  },
}

export const nodesCheck: Check = {
  name: 'nodes',
  async look(desk) {
    const heard = await desk.nodes.confirm()
    const { confirmed, silent } = heard
    if (isConfirmed(heard)) {
      return {
        outcome: 'ok',
        found: `${counted(confirmed, 'running node')} confirmed that every connection leads to this server and that the log of revocations is read to its end.`,
      }
    }
    if (silent.length === 0) {
      return { outcome: 'note', found: 'No node was seen at this database in the last 10 minutes.' }
    }
    const seen = silent.map(({ name, silentSeconds }) => `${name} (last seen ${Math.round(silentSeconds)} s ago)`)
    return {
      outcome: 'failed',
      found: `${silent.length} of ${counted(confirmed + silent.length, 'node')} (host name and process) did not answer: ${seen.join(', ')}. Such a node was ended by force, or it is connected to another database server.`,
      mend: 'Ask /health/ready of each node and read its log. End a node that should not run; one that was ended is forgotten after 10 minutes.',
    }
  },
}

export const migrationsCheck: Check = {
  name: 'migrations',
  carries: true,
  async look(desk, { printer }) {
    const { applied, pending, ahead } = await desk.migrations.status()
    if (ahead.length > 0)
      return {
        outcome: 'ok',
        found: `The schema belongs to a newer release, and this release works with it (${ahead.at(-1)}).`,
      }
    if (pending.length === 0)
      return { outcome: 'ok', found: `The schema is up to date (${applied.at(-1)?.name ?? 'empty'}).` }
    return { outcome: 'failed', found: `Not applied: ${pending.join(', ')}.`, mend: `${printer.program} migrate` }
  },
}

export const clockCheck: Check = {
  name: 'clock',
  async look(desk) {
    const before = Date.now()
    const { now } = await desk.database.describe()
    const after = Date.now()
    // A difference shorter than the query itself cannot be measured.
    const skew = Math.max(0, before - now.getTime(), now.getTime() - after) / 1000
    if (skew <= clockToleranceSeconds)
      return { outcome: 'ok', found: 'The clocks of this machine and the database agree.' }
    return {
      outcome: 'failed',
      found: `The clocks of this machine and the database differ by ${skew.toFixed(1)} seconds.`,
      mend: 'Synchronise both with NTP: one clock sets iat, and the other checks it.',
    }
  },
}
