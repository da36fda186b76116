/** The settings that `clients add` prints for the configuration of the app. */
import { type AppSettings, commonRemedies } from '../../clients/app-settings.ts'
import type { Client } from '../../clients/client.ts'
import type { Printer } from '../printer.ts'

export function printAppSettings(printer: Printer, client: Client, settings: AppSettings): void {
  printer.line()
  printer.line({ text: 'For the settings of the app', tone: 'strong' })
  printer.fields([
    ['issuer', settings.issuer],
    ['discovery', settings.discovery],
    ['authorize', settings.authorization_endpoint],
    ['device', settings.device_authorization_endpoint],
    ['token', settings.token_endpoint],
    ['userinfo', settings.userinfo_endpoint],
    ['JWKS', settings.jwks_uri],
    ['end session', settings.end_session_endpoint],
    ['scopes', settings.scope],
    ['redirect URI', settings.redirect_uris ?? []],
  ])
  const remedies = commonRemedies(client)
  if (remedies.length === 0) return
  printer.line()
  printer.line({ text: 'If the app is refused', tone: 'strong' })
  for (const { symptom, remedy } of remedies) printer.line(`${symptom}: ${remedy}`)
  printer.line(`'claviger clients explain ${client.id}' shows what was refused and why.`)
}
