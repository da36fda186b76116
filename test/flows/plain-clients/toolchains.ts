/** Services in other languages: how each is made ready (`prepare.ts`), and how it is started once it is. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface Toolchain {
  /** The library whose users are meant. */
  library: string
  /** One after the other, in the folder of its sources. */
  steps: readonly (readonly string[])[]
  /** Program and first arguments; JWKS address, issuer, audience and algorithm follow. */
  start: readonly string[]
  isReady: boolean
}

const here = import.meta.dirname
/** Among the packages, so that what was made is made anew with them. */
const made = join(here, '../../../node_modules/.cache/claviger-verifiers')

const python = join(made, 'python/bin/python')
const go = join(made, 'go/verify')
const java = join(made, 'java')

export const toolchains: Readonly<Record<'python' | 'go' | 'java', Toolchain>> = {
  python: {
    library: 'PyJWT',
    steps: [
      ['python3', '-m', 'venv', join(made, 'python')],
      [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'],
      [python, '-c', `import jwt, cryptography; open('${made}/python/ready', 'w')`],
    ],
    start: [python, join(here, 'python/verify.py')],
    isReady: existsSync(join(made, 'python/ready')),
  },
  go: {
    library: 'go-oidc',
    steps: [['go', 'build', '-trimpath', '-o', go, '.']],
    start: [go],
    isReady: existsSync(go),
  },
  java: {
    library: 'Spring Security',
    steps: [
      ['mvn', '-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${java}`],
      ['javac', '-cp', `${java}/*`, '-d', java, 'Verify.java'],
    ],
    start: ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${java}:${java}/*`, 'Verify'],
    isReady: existsSync(join(java, 'Verify.class')),
  },
}
