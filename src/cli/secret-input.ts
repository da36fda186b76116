/** How secrets get in: typed at a prompt, piped into stdin, or made here. Never from argv, where `ps` and histories see them. */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { checkNewPassword, newPasswordFault } from '../credentials/new-password.ts'
import { Failure } from '../errors/failure.ts'
import { quoted } from '../events/plain-text.ts'
import type { Input, Invocation } from './invocation.ts'
import { wrongUsage } from './usage.ts'

const limitBytes = 64 * 1024

export interface PasswordOptions {
  passwordStdin?: boolean
  generatePassword?: boolean
}

export interface NewPassword {
  password: string
  /** Made here, so that it has to be shown once. */
  generated: boolean
}

export const withPassword = (command: Command): Command =>
  command
    .option('--password-stdin', 'read the password from stdin, one line')
    .option('--generate-password', 'make a strong password and print it once')

/** Undefined when nobody can be asked: no option says where from, and there is no terminal. */
export async function findNewPassword(
  invocation: Invocation,
  options: PasswordOptions,
  whose: string,
): Promise<NewPassword | undefined> {
  const { stdin } = invocation
  if (options.passwordStdin && options.generatePassword) {
    throw wrongUsage('password_twice', 'Choose one of --password-stdin and --generate-password.')
  }
  if (options.generatePassword) return { password: randomBytes(15).toString('base64url'), generated: true }
  if (options.passwordStdin)
    return { password: oneLine(await readSecret(stdin, 'password'), 'password', 'stdin'), generated: false }
  if (!mayAsk(invocation)) return undefined
  return { password: await askTwice(invocation, whose), generated: false }
}

export async function getNewPassword(
  invocation: Invocation,
  options: PasswordOptions,
  whose: string,
): Promise<NewPassword> {
  const found = await findNewPassword(invocation, options, whose)
  if (found) return found
  throw new Failure('password_needed', 'invalid', 'There is no terminal to ask for the password.', {
    detail: { hints: ['pipe it in with --password-stdin, or let one be made with --generate-password'] },
  })
}

/** The whole of stdin without its last line end; further ones belong to the secret. @throws Failure when it is empty, too long or not UTF-8. */
export const readSecret = (stdin: Input, what: string): Promise<string> => readText(stdin, what, 'stdin')

/** @throws Failure as `readSecret`, and when the file cannot be read. */
export async function readSecretFile(path: string, what: string): Promise<string> {
  try {
    // A file may be a pipe or a device: it is read as far as the limit, never to its end.
    return await readText(createReadStream(path), what, quoted(path))
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown
    throw new Failure('file_unreadable', 'invalid', `The ${what} file ${quoted(path)} cannot be read.`, {
      cause: thrown,
    })
  }
}

/**
 * What people or programs type into one field. @throws Failure `secret_unprintable` (invalid): the control characters came
 * by mistake, and no browser could type them.
 */
export function oneLine(secret: string, what: string, where: string): string {
  if (!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(secret)) return secret
  const fault = /[\r\n]/.test(secret) ? 'is more than one line' : 'holds control characters, which no browser can type'
  throw new Failure('secret_unprintable', 'invalid', `The ${what} from ${where} ${fault}. Nothing was changed.`, {
    detail: { hints: ['give it as one line; its line end is taken off'] },
  })
}

async function readText(source: AsyncIterable<Uint8Array | string>, what: string, where: string): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of source) {
    chunks.push(Buffer.from(chunk as Uint8Array))
    length += chunk.length
    if (length > limitBytes)
      throw new Failure('secret_too_long', 'invalid', `What came from ${where} is too long for a ${what}.`)
  }
  const secret = decoded(Buffer.concat(chunks), what, where).replace(/\r?\n$/, '')
  if (secret === '') throw new Failure('secret_empty', 'invalid', `No ${what} came from ${where}.`)
  return secret
}

function decoded(bytes: Uint8Array, what: string, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Failure('not_utf8', 'invalid', `The ${what} from ${where} is not UTF-8 text.`, { cause })
  }
}

export const mayAsk = ({ stdin, stderr }: Pick<Invocation, 'stdin' | 'stderr'>): boolean =>
  stdin.isTTY === true && stderr.isTTY === true

/** Typed or pasted at the terminal, and not shown. */
export async function askSecret(invocation: Invocation, message: string): Promise<string> {
  const { password: ask } = await import('@inquirer/prompts')
  return ask({ message, mask: true }, promptStreams(invocation))
}

async function askTwice(invocation: Invocation, whose: string): Promise<string> {
  const { password: ask } = await import('@inquirer/prompts')
  const streams = promptStreams(invocation)
  // Said while there is still somebody to type another.
  const validate = (typed: string) => newPasswordFault(typed, { words: [whose] }) ?? true
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const first = await ask({ message: `New password for ${whose}`, mask: true, validate }, streams)
    const second = await ask({ message: 'The same again', mask: true }, streams)
    if (first === second) return first
    invocation.printer.note('These two differ.')
  }
  throw new Failure('password_differs', 'invalid', 'The password was not typed the same way twice.')
}

/** The words that guessers try first for this person at this deployment. @throws Failure `password_refused`. */
export function checkForPerson(
  { password }: NewPassword,
  person: { email: string; name?: string | undefined },
  issuer: string,
): void {
  checkNewPassword(password, { words: [person.email, person.name, new URL(issuer).hostname, 'claviger'] })
}

// Prompts go to stderr: stdout is for data.
export const promptStreams = ({ stdin, stderr }: Invocation) => ({
  input: stdin as unknown as NodeJS.ReadableStream,
  output: stderr as unknown as NodeJS.WritableStream,
})
