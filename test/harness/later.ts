/** Days go by in a moment: everything the database knows about time moves into the past. */
import type { Client } from 'pg'
import { connectDirectly } from '../../src/storage/connection/database.ts'

/** Times inside of payloads, in seconds since 1970. */
const moments = ['iat', 'exp', 'iiat', 'loginTs', 'authTime', 'nbf']

export interface Which {
  /** Numbers of `storage/protocol/artifact-models.ts`; all without it. */
  models?: readonly number[]
}

/** One statement over the test's database, past the program. */
export async function askDatabase<T = unknown>(url: string, sql: string, values: unknown[] = []): Promise<T[]> {
  const client: Client = await connectDirectly({ url })
  try {
    return (await client.query(sql, values)).rows as T[]
  } finally {
    await client.end()
  }
}

/** As far as sessions, grants, codes and tokens go, it is now `seconds` later. Keys and people do not age. */
export async function letTimePass(url: string, seconds: number, { models }: Which = {}): Promise<void> {
  await askDatabase(
    url,
    `update artifacts
        set created_at = created_at - make_interval(secs => $1),
            expires_at = expires_at - make_interval(secs => $1),
            consumed_at = consumed_at - make_interval(secs => $1),
            payload = payload || (select coalesce(jsonb_object_agg(key, to_jsonb(value::text::bigint - $1)), '{}')
                                    from jsonb_each(payload)
                                   where key = any($2) and jsonb_typeof(value) = 'number')
      where $3::smallint[] is null or model = any($3)`,
    [seconds, moments, models ?? null],
  )
}

export const days = (count: number): number => count * 86_400
