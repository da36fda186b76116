import { expect, test } from '@jest/globals'
import { options } from '../../src/config/options.ts'
import { unknownVariables, unknownVariableText } from '../../src/config/unknown-variables.ts'

test.each([
  ['CLAVIGER_ISSUR', 'CLAVIGER_ISSUER'],
  ['CLAVIGER_LOGLEVEL', 'CLAVIGER_LOG_LEVEL'],
  ['CLAVIGER_KEY_ENCYRPTION_KEY', 'CLAVIGER_KEY_ENCRYPTION_KEY'],
  ['CLAVIGER_KEY_ENCRYPTION_KEY_FIEL', 'CLAVIGER_KEY_ENCRYPTION_KEY_FILE'],
  ['CLAVIGER_MANAGMENT_PORT', 'CLAVIGER_MANAGEMENT_PORT'],
  ['CLAVIGER_ISSUER_FILE', 'CLAVIGER_ISSUER'],
])('the unknown variable %s is reported with the nearest option, %s, and without its value', (name, nearest) => {
  expect(unknownVariables({ [name]: 'of-no-concern' })).toEqual([{ name, nearest }])
})

test('an unknown variable that resembles no option is reported with the command that lists the options', () => {
  const [unknown] = unknownVariables({ CLAVIGER_THEME_OF_THE_WEDDING_CAKE: 'x' })
  expect(unknown && unknownVariableText(unknown)).toBe(
    "CLAVIGER_THEME_OF_THE_WEDDING_CAKE is no option and has no effect; 'claviger config show' lists the options.",
  )
})

test('options, their files, and variables of other programs are not reported', () => {
  const names = Object.values(options).map(({ env }) => env)
  const env = Object.fromEntries(
    [...names, 'CLAVIGER_KEY_ENCRYPTION_KEY_FILE', 'CLAVIGERISSUER', 'PATH', 'claviger_issuer'].map((name) => [
      name,
      'x',
    ]),
  )
  expect(unknownVariables(env)).toEqual([])
})

test('variables that Kubernetes sets for a service named claviger are not reported', () => {
  const env = {
    CLAVIGER_SERVICE_HOST: '10.0.0.1',
    CLAVIGER_SERVICE_PORT: '9400',
    CLAVIGER_SERVICE_PORT_HTTP: '9400',
    CLAVIGER_PORT_9400_TCP: 'tcp://10.0.0.1:9400',
    CLAVIGER_PORT_9400_TCP_ADDR: '10.0.0.1',
    CLAVIGER_POSTGRES_PORT: 'tcp://10.0.0.2:5432',
  }
  expect(unknownVariables(env)).toEqual([])
})
