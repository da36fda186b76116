/** The welcome after a start in development mode: issuer, data, and the next commands. */
import type { Welcome } from './desk.ts'
import type { Printer } from './printer.ts'

export function printWelcome(printer: Printer, { issuer, hasAdmin, clients, database }: Welcome): void {
  const { program } = printer
  const step = (text: string, command: string) => {
    printer.line(`  ${text}`)
    printer.line('    ', { text: command, tone: 'strong' })
  }
  printer.line()
  printer.line({ text: 'Claviger is ready', tone: 'good' }, ' in development mode.')
  printer.line()
  printer.fields([
    ['  issuer', { text: issuer, tone: 'strong' }],
    ['  discovery', `${issuer}/.well-known/openid-configuration`],
    ['  data', database],
  ])
  printer.line()
  if (!hasAdmin)
    step('Create the first administrator (asks for a password):', `${program} admin create you@example.org`)
  step('Add a person:', `${program} users add someone@example.org`)
  const shown = clients === 0 ? 'Add an app:' : 'Add another app:'
  step(shown, `${program} clients add --preset spa --name 'My app' --redirect-uri http://localhost:5173/callback`)
  step('Run the demo app and the demo API:', 'npm run demo')
  printer.line()
  printer.line({ text: 'Press Ctrl-C to stop.', tone: 'dim' })
  printer.line()
}
