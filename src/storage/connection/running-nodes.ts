/**
 * The serving processes of a deployment. Each one records a beat in the database every second. After a revocation, a
 * command asks every node how far it has read, and states a bound only if every node has answered.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Queryable } from './database.ts'

export const nodesChannel = 'claviger_nodes'

/** Records a beat, and returns the number of the latest question from a command. */
export async function recordBeat(
  db: Queryable,
  { id, name, beat }: { id: string; name: string; beat: number },
): Promise<number> {
  const { rows } = await db.query<{ question: number }>({
    // A beat lost in a server crash has no more use, so the commit does not wait for the disk.
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

/** Records how far the node has read the log since the question. */
export async function recordAnswer(db: Queryable, { id, question, epoch, seq }: Answer): Promise<void> {
  await db.query({
    text: `update running_nodes set answered = greatest(answered, $2), followed_epoch = $3, followed_seq = $4
            where id = $1 returning set_config('synchronous_commit', 'off', true)`,
    values: [id, question, epoch, seq],
  })
}

/** Removes a stopping node, so that no command waits for it. Also removes nodes not seen for a day. */
export async function leave(db: Queryable, id: string): Promise<void> {
  await db.query({
    text: `delete from running_nodes where id = $1 or seen_at < clock_timestamp() - interval '1 day'`,
    values: [id],
  })
}

/** A node that has not confirmed. */
export interface SilentNode {
  /** Host name and process id. */
  name: string
  /** Seconds since its last beat on this server. */
  silentSeconds: number
}

export interface NodesHeard {
  /** Number of nodes that have proven their connections and read the log to its end since the question. */
  confirmed: number
  /** Nodes that were seen within the last ten minutes, did not stop, and have not confirmed. */
  silent: SilentNode[]
}

/** A dead node leaves its row; after this time it counts as dead. */
const rememberedSeconds = 600
/** The command waits for a node whose last beat is not older than this. */
const beatingSeconds = 5
const waitMs = 2_500
const lookMs = 40

interface NodeRow {
  name: string
  hasConfirmed: boolean
  silentSeconds: number
}

/**
 * Asks every node, and waits up to `waitMs` for answers. @param seq the entry up to which a node must have read the log
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
