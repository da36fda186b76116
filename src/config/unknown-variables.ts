/** Finds CLAVIGER_* variables that are no options, so that a mistyped name is not silently ignored. */
import { nearestWord } from '../errors/nearest-word.ts'
import { options } from './options.ts'

export interface UnknownVariable {
  name: string
  /** The option that was most likely meant. */
  nearest: string | undefined
}

const known: readonly string[] = Object.values(options).flatMap(({ env, secret }: { env: string; secret?: string }) =>
  secret ? [env, `${env}_FILE`] : [env],
)

// Kubernetes sets these in every container, for each service that is named claviger or claviger-….
const kubernetesName = /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/
const isFromKubernetes = (name: string, value = ''): boolean =>
  kubernetesName.test(name) || (name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value))

/** Names of the set CLAVIGER_* variables that are no options, in alphabetical order, without their values. */
export const unknownVariables = (env: NodeJS.ProcessEnv): UnknownVariable[] =>
  Object.keys(env)
    .filter((name) => name.startsWith('CLAVIGER_') && !known.includes(name) && !isFromKubernetes(name, env[name]))
    .sort()
    .map((name) => ({ name, nearest: nearestWord(name, known) }))

/** `CLAVIGER_ISSUR is no option and has no effect; did you mean CLAVIGER_ISSUER?` */
export const unknownVariableText = ({ name, nearest }: UnknownVariable): string =>
  `${name} is no option and has no effect; ${nearest ? `did you mean ${nearest}?` : "'claviger config show' lists the options."}`
