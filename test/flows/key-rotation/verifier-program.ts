/** The services behind the provider, in a process of their own: for each token a line with what the verifiers said. */
import { createInterface } from 'node:readline'
import { type Verify, verifierKinds } from './verifiers.ts'

interface Settings {
  issuer: string
  leadMs: number
  audiences: Record<'ES256' | 'RS256', string>
}

export interface Question {
  id: number
  token: string
  algorithm: 'ES256' | 'RS256'
}

export interface Verdict {
  id: number
  verified: number
  failures: string[]
}

const { issuer, leadMs, audiences } = JSON.parse(process.argv[2] ?? '{}') as Settings

const verifiersOf = (algorithm: 'ES256' | 'RS256'): (readonly [string, Verify])[] =>
  Object.entries(verifierKinds).map(
    ([kind, create]) => [kind, create({ issuer, audience: audiences[algorithm], algorithm, leadMs })] as const,
  )

const verifiers = { ES256: verifiersOf('ES256'), RS256: verifiersOf('RS256') }

async function judge({ id, token, algorithm }: Question): Promise<Verdict> {
  const failures: string[] = []
  await Promise.all(
    verifiers[algorithm].map(([kind, verify]) =>
      verify(token).catch((error: unknown) => failures.push(`${kind}, ${algorithm}: ${String(error)}`)),
    ),
  )
  return { id, failures, verified: verifiers[algorithm].length - failures.length }
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  void judge(JSON.parse(line) as Question).then((verdict) => process.stdout.write(`${JSON.stringify(verdict)}\n`))
}
