import type { Check, Finding } from './check.ts'

const timeoutMs = 3000
const limitBytes = 1_000_000

/** Requests the discovery document as a client does, through proxy and DNS. */
export const issuerCheck: Check = {
  name: 'issuer',
  async look({ config }, { printer }): Promise<Finding> {
    const { issuer } = config
    const url = `${issuer}/.well-known/openid-configuration`
    let answer: Response
    let text: string
    try {
      answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' })
      text = (await answer.text()).slice(0, limitBytes)
    } catch (error) {
      return {
        outcome: 'warning',
        found: `Nothing answers at ${issuer} from here (${reasonOf(error)}).`,
        mend: `Check that the server is running (${printer.program} start) and that proxy, certificate and DNS lead to it.`,
      }
    }
    if (answer.status !== 200) {
      return {
        outcome: 'failed',
        found: `${url} answers ${answer.status}.`,
        mend: 'Check that the proxy passes on the path and the Host header unchanged.',
      }
    }
    const answered = issuerOf(text)
    if (answered === issuer) return { outcome: 'ok', found: `${issuer} answers with its own issuer.` }
    return {
      outcome: 'failed',
      found: `The server at ${issuer} answers with the issuer ${answered ?? '(none: not an OpenID provider)'}.`,
      mend: 'Give the server and this command the same CLAVIGER_ISSUER, and point the name to the server.',
    }
  },
}

function issuerOf(text: string): string | undefined {
  try {
    const { issuer } = JSON.parse(text) as { issuer?: unknown }
    return typeof issuer === 'string' ? issuer : undefined
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError') return `no answer in ${timeoutMs / 1000} seconds`
  const cause = error.cause as { code?: unknown } | undefined
  return typeof cause?.code === 'string' ? cause.code : error.name
}
