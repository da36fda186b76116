import { Option } from 'commander'
import { appSettings } from '../../clients/app-settings.ts'
import { type Preset, presets } from '../../clients/client.ts'
import { withFreshSecret } from '../../clients/client-secret.ts'
import { newClient } from '../../clients/new-client.ts'
import { quoted } from '../../events/plain-text.ts'
import { createClient } from '../../operations/clients/create.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Invocation } from '../invocation.ts'
import type { AddCommand } from '../nouns.ts'
import { oneLine, readSecret, readSecretFile } from '../secret-input.ts'
import { refuseUnusedAlgorithm } from '../signing-alg.ts'
import { wrongUsage } from '../usage.ts'
import { printAppSettings } from './app-settings-view.ts'
import { type ClientOptions, changesOf, givenOf, withClientOptions } from './client-options.ts'
import { clientJson, printClient, printSecret } from './client-view.ts'

interface OwnSecretOptions {
  secretStdin?: boolean
  secretFile?: string
}

interface Options extends ClientOptions, JsonOption, OwnSecretOptions {
  preset: Preset
  name: string
  id?: string
}

/** `clients add`: the preset sets the defaults. A generated secret is shown once. */
export const clientsAdd: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('add')
    .description('add a client')
    .addOption(new Option('--preset <kind>', 'what kind of app it is').choices(presets).makeOptionMandatory())
    .requiredOption('--name <name>', 'name on the sign-in page')
    .option('--id <client_id>', 'its client_id (default: made from the name)')
    .option('--secret-stdin', 'read its secret from stdin')
    .option('--secret-file <path>', 'read its secret from a file')
    .action(async (options: Options) => {
      const { preset, name, id } = options
      const own = await readOwnSecret(invocation, options)
      const given = givenOf(await changesOf(options))
      const desk = await invocation.desk()
      const input = newClient({
        profile: desk.config.clientProfile,
        ...given,
        preset,
        name,
        ...(id === undefined ? {} : { id }),
        ...own,
      })
      const { client: complete, secret } = withFreshSecret(input)
      refuseUnusedAlgorithm(desk.config, complete.idTokenAlg)
      const { client } = await invocation.perform(createClient, { client: complete })
      const settings = appSettings(client, desk.config.issuer)
      const shown = { ...clientJson(client), settings, ...(secret ? { client_secret: secret } : {}) }
      printer.result(options, shown, () => {
        printClient(printer, client)
        if (secret) printSecret(printer, secret)
        printAppSettings(printer, client, settings)
      })
    })
  withClientOptions(command)
  withExample(
    withJson(command),
    "claviger clients add --preset spa --name 'Shop' --redirect-uri https://shop.example.org/callback",
    "claviger clients add --preset service --name 'Nightly job' --api https://api.example.org --json",
  )
}

/** Reads the secret from stdin or a file, never from argv. */
export async function readOwnSecret(
  invocation: Invocation,
  { secretStdin, secretFile }: OwnSecretOptions,
): Promise<{ secret?: string }> {
  if (secretStdin && secretFile !== undefined) {
    throw wrongUsage('secret_twice', 'Choose one of --secret-stdin and --secret-file.')
  }
  if (secretStdin)
    return { secret: oneLine(await readSecret(invocation.stdin, 'client secret'), 'client secret', 'stdin') }
  if (secretFile === undefined) return {}
  return { secret: oneLine(await readSecretFile(secretFile, 'client secret'), 'client secret', quoted(secretFile)) }
}
