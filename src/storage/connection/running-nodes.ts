/**
 * The serving processes of a deployment, as they show themselves in the database each second. A command that has revoked
 * something asks them all what they have read, and promises a bound only when every one of them has answered.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Queryable } from './database.ts'

export const nodesChannel = 'claviger_nodes'

/** Writes the beat, and returns the number of the last question that a command has asked. */
export async function recordBeat(
  db: Queryable,
  { id, name, beat }: { id: string; name: string; beat: number },
): Promise<number> {
  const { rows } = await db.query<{ question: number }>({
    // A beat that a crash of the server forgets was of no use any more: no need to wait for the disk.
    text: `insert into running_nodes as n (id, name, beat) values ($1, $2, $3)
               on conflict (id) do update set beat = greatest(n.beat, excluded.beat), seen_at = clock_timestamp()
           returning (select number from node_questions)::float8 as question, set_config('synchronous_commit', 'off', true)`,
    values: [id, name, beat],
  })
  return rows[0]?.question ?? 0
}

export interface Answer {
  id: string
  question: number
  epoch: string
  seq: number
}

/** The node has read the log so far since the question was asked. */
export async function recordAnswer(db: Queryable, { id, question, epoch, seq }: Answer): Promise<void> {
  await db.query({
    text: `update running_nodes set answered = greatest(answered, $2), followed_epoch = $3, followed_seq = $4
            where id = $1 returning set_config('synchronous_commit', 'off', true)`,
    values: [id, question, epoch, seq],
  })
}

/** The node stops: nobody needs to wait for it. Rows of nodes that died long ago go with it. */
export async function leave(db: Queryable, id: string): Promise<void> {
  await db.query({
    text: `delete from running_nodes where id = $1 or seen_at < clock_timestamp() - interval '1 day'`,
    values: [id],
  })
}

/** A node that has not confirmed. */
export interface SilentNode {
  /** Host name and process number. */
  name: string
  /** Seconds since it last showed itself on this server. */
  silentSeconds: number
}

export interface NodesHeard {
  /** Nodes that have proven their connections and read the log to its end, all since they were asked. */
  confirmed: number
  /** Nodes that were seen within the last ten minutes, did not stop, and have not confirmed. */
  silent: SilentNode[]
}

/** A node that died leaves its row; after so long it is taken for dead. */
const rememberedSeconds = 600
/** A node that beats is worth waiting for. */
const beatingSeconds = 5
const waitMs = 2_500
const lookMs = 40

interface NodeRow {
  name: string
  hasConfirmed: boolean
  silentSeconds: number
}

/**
 * Asks every node, and waits a moment for answers. @param seq how far the log has to be read
 * @throws as `query` does
 */
export async function askNodes(db: Queryable, seq: number): Promise<NodesHeard> {
  const asked = await db.query<{ number: number }>({
    text: `update node_questions set number = number + 1
           returning number::float8 as number, pg_notify('${nodesChannel}', '')`,
  })
  const question = asked.rows[0]?.number ?? 0
  const until = performance.now() + waitMs
  for (;;) {
    const { rows } = await db.query<NodeRow>({
      name: 'answers of nodes',
      text: `select n.name,
                    n.answered >= $1 and n.followed_epoch = f.epoch and n.followed_seq >= $2 as "hasConfirmed",
                    extract(epoch from clock_timestamp() - n.seen_at)::float8 as "silentSeconds"
               from running_nodes n cross join revocation_feeds f
              where n.seen_at > clock_timestamp() - make_interval(secs => $3) order by n.name`,
      values: [question, seq, rememberedSeconds],
    })
    const silent = rows.filter(({ hasConfirmed }) => !hasConfirmed)
    const isWorthWaiting = silent.some(({ silentSeconds }) => silentSeconds < beatingSeconds)
    if (!isWorthWaiting || performance.now() > until) {
      return {
        confirmed: rows.length - silent.length,
        silent: silent.map(({ name, silentSeconds }) => ({ name, silentSeconds: Math.max(0, silentSeconds) })),
      }
    }
    await sleep(lookMs)
  }
}
