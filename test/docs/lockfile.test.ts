/** `npm ci` installs what was looked at, on every platform and from whichever registry npm is set to. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

interface Locked {
  integrity?: string
  link?: boolean
  resolved?: string
  hasInstallScript?: boolean
  optionalDependencies?: Record<string, string>
}

const root = join(import.meta.dirname, '../..')
const readJson = <T>(file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')) as T

const { packages } = readJson<{ packages: Record<string, Locked> }>('package-lock.json')
const { allowScripts } = readJson<{ allowScripts: Record<string, boolean> }>('package.json')
/** What those who have an HSM install besides. */
const beside = readJson<{ packages: Record<string, Locked> }>('test/keyring/hsm/package-lock.json').packages
/** Packages of this repository are links to their folders, not content of a registry. */
const locked = Object.entries(packages).filter(
  ([place, { link }]) => place !== '' && !place.startsWith('packages/') && !link,
)
const nameOf = (place: string) => place.replace(/^.*node_modules\//, '')
const names = new Set(locked.map(([place]) => nameOf(place)))

const all = [...locked, ...Object.entries(beside).filter(([place]) => place !== '')]

test('every package is held to its content', () => {
  expect(all.length).toBeGreaterThan(locked.length)
  expect(all.filter(([, { integrity }]) => !integrity).map(([place]) => place)).toEqual([])
})

test('no registry is written down', () => {
  expect(all.filter(([, { resolved }]) => resolved !== undefined).map(([place]) => place)).toEqual([])
})

test('the packages of other platforms are in it, too', () => {
  const optional = locked.flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies))
  expect(optional.filter((name) => !names.has(name))).toEqual([])
})

test('each package that would run a script at its installation is allowed to, or is not', () => {
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([place]) => nameOf(place))
  expect(Object.keys(allowScripts).sort()).toEqual([...new Set(scripted)].sort())
})
