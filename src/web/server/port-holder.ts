/** Finds the process that listens on a port of this machine, as far as Linux shows it to this user. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { basename } from 'node:path'
import { quoted } from '../../events/plain-text.ts'

/** @returns `"node main.ts" (process 4711)`, or the user of a process of another user; undefined when neither is known */
export function portHolder(port: number, host: string): string | undefined {
  const socket = listeningSockets(port, host)[0]
  if (!socket) return undefined
  const pid = processesHere().find((each) => socketsOf(each).includes(socket.inode))
  if (pid !== undefined) return `${quoted(commandOf(pid), 100)} (process ${pid})`
  return socket.uid === process.getuid?.() ? undefined : `a process of the user with id ${socket.uid}`
}

interface ListeningSocket {
  inode: string
  uid: number
}

const listenState = '0A'
const wildcards = ['00000000', '0'.repeat(32)]

/** Parses lines such as `0: 0100007F:24B8 00000000:0000 0A … uid timeout inode`. */
function listeningSockets(port: number, host: string): ListeningSocket[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  return ['tcp', 'tcp6'].flatMap((table) =>
    linesOf(`/proc/net/${table}`).flatMap((line) => {
      const [, local = '', , state, , , , uid = '', , inode = ''] = line.trim().split(/\s+/)
      const [address = '', itsPort] = local.split(':')
      const isMeant = state === listenState && itsPort === hexPort && mayClash(address, host)
      return isMeant ? [{ inode, uid: Number(uid) }] : []
    }),
  )
}

/** True for the same address, or when either is a wildcard. Host names and IPv6 addresses are matched only to loopback. */
function mayClash(address: string, host: string): boolean {
  if (wildcards.includes(address) || host === '0.0.0.0' || host === '::') return true
  const loopback = ['0100007F', '00000000000000000000000001000000']
  return isIPv4(host) ? address === littleEndian(host) : loopback.includes(address)
}

const littleEndian = (ip: string): string =>
  Buffer.from(ip.split('.').map(Number).reverse()).toString('hex').toUpperCase()

const processesHere = (): number[] =>
  orNothing(() => readdirSync('/proc').filter((name) => /^\d+$/.test(name)), []).map(Number)

/** @returns inodes of sockets; an empty list for a process of another user */
const socketsOf = (pid: number): string[] =>
  orNothing(() => readdirSync(`/proc/${pid}/fd`), []).flatMap((fd) => {
    const target = orNothing(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '')
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []
  })

const path = /^[\w./@-]{1,200}$/

/** @returns the program, with its script if it is Node. Other arguments are left out, since they may contain secrets. */
function commandOf(pid: number): string {
  const program = basename(orNothing(() => readlinkSync(`/proc/${pid}/exe`), '')) || 'unknown'
  const words = orNothing(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '').split('\0')
  const script =
    program === 'node' ? words.slice(1).find((word) => path.test(word) && !word.startsWith('-')) : undefined
  return script ? `${program} ${basename(script)}` : program
}

const linesOf = (path: string): string[] => orNothing(() => readFileSync(path, 'utf8'), '').split('\n')

/** Other systems have no such files, and a process may have ended after it was listed. */
function orNothing<T>(read: () => T, nothing: T): T {
  try {
    return read()
  } catch {
    return nothing
  }
}
