/** Reads the text of an option from the environment, a file that it names, or the default. */
import { readFileSync } from 'node:fs'
import type { Option } from './option.ts'

export interface Source {
  /** The variable that set the value. */
  env: string
  text: string | undefined
  from: 'environment' | 'file' | 'default'
  file?: string
}

/** An empty variable counts as absent, since compose files pass an unset variable as an empty one. */
export function readSource(option: Option<unknown>, env: NodeJS.ProcessEnv): Source | { env: string; fault: string } {
  const fileVariable = `${option.env}_FILE`
  const text = env[option.env] || undefined
  const file = option.secret ? env[fileVariable] || undefined : undefined
  if (text !== undefined && file !== undefined) {
    return { env: fileVariable, fault: `is set and so is ${option.env}: keep one of them` }
  }
  if (file !== undefined) {
    const content = readSecretFile(file)
    return typeof content === 'string'
      ? { env: fileVariable, text: content, from: 'file', file }
      : { env: fileVariable, fault: content.fault }
  }
  return text === undefined
    ? { env: option.env, text: option.default, from: 'default' }
    : { env: option.env, text: text.trim(), from: 'environment' }
}

/** The text of the file without the final line end that editors add. */
export function readSecretFile(path: string): string | { fault: string } {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (text === '') return { fault: `names ${path}, which is empty` }
    return text.length > 65_536 ? { fault: `names ${path}, which is too long to be a secret` } : text
  } catch (error) {
    return { fault: `names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})` }
  }
}
