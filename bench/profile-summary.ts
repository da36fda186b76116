/** Sums a CPU profile's self time by module, by file and by function. */
import type { Profiler } from 'node:inspector'

export interface Share {
  name: string
  microseconds: number
}

export interface ProfileSummary {
  /** Time with work in it: idle is left out. */
  busyMicroseconds: number
  modules: Share[]
  /** Native code and Node's own charged to the nearest module that called them. */
  callers: Share[]
  files: Share[]
  functions: Share[]
}

const checkout = new URL('..', import.meta.url).href

const shorten = (url: string) => url.replace(checkout, '').replace(/\?.*/, '')

/** `src/oidc`, `pg`, `node:crypto`, `(garbage collector)`. */
function moduleOf(url: string, functionName: string): string {
  if (!url) return functionName.startsWith('(') ? functionName : '(native)'
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  if (dependency) return dependency
  if (url.startsWith('node:internal/')) return url.split('/').slice(0, 2).join('/')
  if (url.startsWith('node:')) return url
  const room = /^(src\/[^/]+)\//.exec(shorten(url))?.[1]
  return room ?? shorten(url)
}

const fileOf = (url: string, functionName: string) =>
  url ? shorten(url).replace(/.*node_modules\//, '') : moduleOf(url, functionName)

function rank(times: Map<string, number>): Share[] {
  return [...times]
    .map(([name, microseconds]) => ({ name, microseconds }))
    .sort((a, b) => b.microseconds - a.microseconds)
}

type Tables = [Map<string, number>, Map<string, number>, Map<string, number>, Map<string, number>]

const isNodesOwn = (url: string) => !url || url.startsWith('node:')

/** For each node of the call tree the module nearest above it that is not Node itself. */
function findCallers(tree: Profiler.ProfileNode[]): Map<number, string> {
  const nodes = new Map(tree.map((node) => [node.id, node]))
  const callers = new Map<number, string>()
  const visit = (node: Profiler.ProfileNode, above: string | undefined) => {
    const { url, functionName } = node.callFrame
    const own = moduleOf(url, functionName)
    const caller = isNodesOwn(url) ? above : own
    callers.set(node.id, caller ?? (functionName === '(root)' ? own : `${own}, called by Node`))
    for (const id of node.children ?? []) {
      const child = nodes.get(id)
      if (child) visit(child, caller)
    }
  }
  if (tree[0]) visit(tree[0], undefined)
  return callers
}

export function summarize(profile: Profiler.Profile): ProfileSummary {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const callerOf = findCallers(profile.nodes)
  const [modules, callers, files, functions] = Array.from({ length: 4 }, () => new Map<string, number>()) as Tables
  const add = (times: Map<string, number>, name: string, time: number) => times.set(name, (times.get(name) ?? 0) + time)
  let busyMicroseconds = 0
  profile.samples?.forEach((id, index) => {
    const frame = nodes.get(id)
    const time = profile.timeDeltas?.[index] ?? 0
    if (!frame || frame.functionName === '(idle)') return
    const file = fileOf(frame.url, frame.functionName)
    busyMicroseconds += time
    add(modules, moduleOf(frame.url, frame.functionName), time)
    add(callers, callerOf.get(id) ?? '(nobody)', time)
    add(files, file, time)
    add(functions, `${frame.functionName || '(anonymous)'}  ${file}:${frame.lineNumber + 1}`, time)
  })
  return {
    busyMicroseconds,
    modules: rank(modules),
    callers: rank(callers),
    files: rank(files),
    functions: rank(functions),
  }
}
