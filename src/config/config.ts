/**
 * config turns the environment into one frozen, typed value, once, at the
 * start. One error names every fault. config opens and starts nothing; it only
 * creates the key-encryption key at a first start outside production.
 */
import { Failure } from '../errors/failure.ts'
import { contradictions } from './contradictions.ts'
import { type DescribedOption, describeOption } from './described-option.ts'
import { type OptionName, type OptionValues, options } from './options.ts'
import { isLoopback } from './parsers.ts'
import { urlFromParts } from './pg-variables.ts'
import { readSource, type Source } from './source.ts'
import { tlsVariableFault, withTlsVariables } from './tls-modes.ts'

export interface Config extends OptionValues {
  /** The listening port: set, or derived from the issuer. */
  readonly port: number
  /** The file of the key-encryption key, used when `keyEncryptionKey` is not set. */
  readonly keyEncryptionKeyFile: string
  /** NODE_ENV=production: no key is made by itself, and weak values are refused. */
  readonly production: boolean
  /** Every option as `config show` prints it, secrets masked. */
  readonly described: readonly DescribedOption[]
}

export const defaultKeyEncryptionKeyFile = 'keys/kek'

/** @throws Failure `config_invalid` that names every fault at once (`detail.faults`) */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const faults: string[] = []
  const values: Partial<Record<OptionName, unknown>> = {}
  const sources: Partial<Record<OptionName, Source>> = {}
  for (const [name, option] of Object.entries(options) as [OptionName, (typeof options)[OptionName]][]) {
    const source = readSource(option, env)
    if ('fault' in source) faults.push(`${source.env} ${source.fault}`)
    else {
      sources[name] = source
      const parsed = source.text === undefined ? { value: undefined } : option.parse(source.text)
      if ('fault' in parsed) faults.push(`${source.env} ${parsed.fault}`)
      else values[name] = parsed.value
    }
  }
  const config = decide(values as OptionValues, sources, env, faults)
  // Contradictions can be checked only when every value is known.
  if (faults.length === 0) faults.push(...contradictions(config))
  if (faults.length > 0) throw invalid(faults)
  return Object.freeze(config)
}

/** The value and source of every option, for `config show`. */
export const describe = (config: Config): readonly DescribedOption[] => config.described

function decide(
  values: OptionValues,
  sources: Partial<Record<OptionName, Source>>,
  env: NodeJS.ProcessEnv,
  faults: string[],
): Config {
  const parts = values.databaseUrl === undefined ? urlFromParts(env) : undefined
  if (parts && 'fault' in parts) faults.push(parts.fault)
  const url = values.databaseUrl ?? (parts && 'url' in parts ? parts.url : undefined)
  const tlsFault = url === undefined ? undefined : tlsVariableFault(env)
  if (tlsFault !== undefined) faults.push(tlsFault)
  if (parts && 'url' in parts) sources.databaseUrl = { env: 'PG*', text: parts.url, from: 'environment' }
  const production = env['NODE_ENV'] === 'production'
  const decided = {
    ...values,
    outboundAllowed: reachable(values, production),
    port: values.port ?? issuerPort(values.issuer),
    databaseUrl: url && withTlsVariables(url, env),
    databaseDirectUrl: values.databaseDirectUrl && withTlsVariables(values.databaseDirectUrl, env),
    // The file is read when the key is needed, and again after a change; its text is not kept here.
    keyEncryptionKey: sources.keyEncryptionKey?.from === 'file' ? undefined : values.keyEncryptionKey,
    keyEncryptionKeyFile: sources.keyEncryptionKey?.file ?? defaultKeyEncryptionKeyFile,
    production,
  }
  const described = (Object.keys(options) as OptionName[]).map((name) =>
    describeOption(options[name], sources[name], name === 'port' ? String(decided.port) : undefined),
  )
  return { ...decided, described: Object.freeze(described) }
}

/** Behind a proxy the issuer has no port, or 443, on which this program does not listen. */
function issuerPort(issuer: string | undefined): number {
  const port = issuer === undefined ? '' : new URL(issuer).port
  return port === '' ? 9400 : Number(port)
}

/** On a developer's machine, apps run beside the provider. */
function reachable({ outboundAllowed = [], issuer }: Partial<OptionValues>, production: boolean): readonly string[] {
  const isLocal = !production && issuer !== undefined && isLoopback(new URL(issuer).hostname)
  return isLocal ? Object.freeze([...outboundAllowed, '127.0.0.0/8', '::1/128']) : outboundAllowed
}

function invalid(faults: readonly string[]): Failure {
  const sentence =
    faults.length === 1
      ? `The configuration is wrong: ${faults[0]}.`
      : `The configuration is wrong:\n${faults.map((fault) => `- ${fault}`).join('\n')}`
  return new Failure('config_invalid', 'invalid', sentence, { detail: { faults } })
}
