/** Reads secrets from a prompt or stdin, or generates them. Never from argv, which `ps` and shell histories show. */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { checkNewPassword, newPasswordFault, shortestPassword } from '../credentials/new-password.ts'
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
  /** True if the command generated the password and must show it once. */
  generated: boolean
}

export const withPassword = (command: Command): Command =>
  command
    .option('--password-stdin', 'read the password from stdin, one line')
    .option('--generate-password', 'generate a strong password and print it once')

/** Undefined without an option and without a terminal. */
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
    detail: { hints: ['pass it with --password-stdin, or generate one with --generate-password'] },
  })
}

/** Reads stdin without its last line end. @throws Failure when the text is empty, too long or not UTF-8. */
export const readSecret = (stdin: Input, what: string): Promise<string> => readText(stdin, what, 'stdin')

/** @throws Failure as `readSecret`, and when the file cannot be read. */
export async function readSecretFile(path: string, what: string): Promise<string> {
  try {
    // A file may be a pipe or a device, so it is read up to the limit only.
    return await readText(createReadStream(path), what, quoted(path))
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown
    throw new Failure('file_unreadable', 'invalid', `The ${what} file ${quoted(path)} cannot be read.`, {
      cause: thrown,
    })
  }
}

/**
 * Returns a secret that fits one input field.
 * @throws Failure `secret_unprintable` (invalid) for control characters, which no browser can type
 */
export function oneLine(secret: string, what: string, where: string): string {
  if (!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(secret)) return secret
  const fault = /[\r\n]/.test(secret) ? 'is more than one line' : 'has control characters, which no browser can type'
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
      throw new Failure('secret_too_long', 'invalid', `The text from ${where} is too long for a ${what}.`)
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

/** Asks for a secret at the terminal and masks the input. */
export async function askSecret(invocation: Invocation, message: string): Promise<string> {
  const { password: ask } = await import('@inquirer/prompts')
  return ask({ message, mask: true }, promptStreams(invocation))
}

async function askTwice(invocation: Invocation, whose: string): Promise<string> {
  const { password: ask } = await import('@inquirer/prompts')
  const streams = promptStreams(invocation)
  // A refused password is reported at the prompt, so that the person can type another.
  const validate = (typed: string) => newPasswordFault(typed, { words: [whose] }) ?? true
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const first = await ask(
      { message: `New password for ${whose} (at least ${shortestPassword.alone} characters)`, mask: true, validate },
      streams,
    )
    const second = await ask({ message: 'Repeat the password', mask: true }, streams)
    if (first === second) return first
    invocation.printer.note('The passwords differ.')
  }
  throw new Failure('password_differs', 'invalid', 'The password was not typed the same way twice.')
}

/** Refuses passwords made of the person's or the deployment's names. @throws Failure `password_refused`. */
export function checkForPerson(
  { password }: NewPassword,
  person: { email: string; name?: string | undefined },
  issuer: string,
): void {
  checkNewPassword(password, { words: [person.email, person.name, new URL(issuer).hostname, 'claviger'] })
}

// Prompts go to stderr, since stdout is for data.
export const promptStreams = ({ stdin, stderr }: Invocation) => ({
  input: stdin as unknown as NodeJS.ReadableStream,
  output: stderr as unknown as NodeJS.WritableStream,
})
