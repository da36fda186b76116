/** Resolves a subject identifier (RFC 9493): the subject that a stream excludes, or the account to sign out. */
import { z } from 'zod'
import { Failure } from '../errors/failure.ts'

export interface SubjectNeeds {
  issuer: string
  findByEmail(email: string): Promise<{ id: string } | undefined>
}

const word = z.string().min(1).max(1000)
const simple = z.discriminatedUnion('format', [
  z.object({ format: z.literal('iss_sub'), iss: word, sub: word }),
  z.object({ format: z.literal('email'), email: word }),
  z.object({ format: z.literal('opaque'), id: word }),
])
const complex = z
  .object({ format: z.literal('complex'), user: simple.optional(), session: simple.optional() })
  .refine(({ user, session }) => user !== undefined || session !== undefined)

/** The account of the subject; undefined when it has none here. @throws Failure `subject_invalid` (invalid) */
export async function accountOf(subject: unknown, needs: SubjectNeeds): Promise<string | undefined> {
  const read = simple.safeParse(subject)
  if (!read.success) throw invalid('iss_sub, email or opaque')
  return accountIdOf(read.data, needs)
}

/**
 * The stored form of an exclusion: `account acc_…`, `session …`. A session is excluded by its id alone. Undefined when
 * the subject has no account here.
 * @throws Failure `subject_invalid` (invalid)
 */
export async function exclusionOf(subject: unknown, needs: SubjectNeeds): Promise<string | undefined> {
  const read = z.union([simple, complex]).safeParse(subject)
  if (!read.success) throw invalid('iss_sub, email, or complex of user and session')
  if (read.data.format !== 'complex') return accountKey(await accountIdOf(read.data, needs))
  const { user, session } = read.data
  if (session?.format === 'opaque') return `session ${session.id}`
  if (session || !user) throw invalid('iss_sub, email, or complex of user and session, the session opaque')
  return accountKey(await accountIdOf(user, needs))
}

const accountKey = (id: string | undefined) => id && `account ${id}`

async function accountIdOf(subject: z.infer<typeof simple>, needs: SubjectNeeds): Promise<string | undefined> {
  if (subject.format === 'email') return (await needs.findByEmail(subject.email))?.id
  if (subject.format === 'opaque') return subject.id
  return subject.iss === needs.issuer ? subject.sub : undefined
}

const invalid = (formats: string): Failure =>
  new Failure('subject_invalid', 'invalid', `The subject must be a subject identifier (RFC 9493) of format ${formats}.`)
