/** How long it takes to encode a status list, and how large it is, against the library that tests decode it with. */
import { StatusList as TheirList } from '@sd-jwt/jwt-status-list'
import { StatusList, statusListSize } from '../src/revocation/status-list.ts'

const rounds = 20

const revoked = (size: number, share: number): number[] =>
  Array.from({ length: size }, (_, index) => index).filter(() => Math.random() < share)

/** Milliseconds of CPU time, of all threads. */
async function median(work: () => unknown): Promise<number> {
  const taken: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    taken.push((user + system) / 1000)
  }
  return taken.sort((a, b) => a - b)[rounds >>> 1] ?? 0
}

process.stdout.write('tokens    revoked  ours: CPU ms, B of lst   @sd-jwt/jwt-status-list: CPU ms, B of lst\n')
for (const size of [statusListSize, 2 ** 20]) {
  for (const share of [0, 0.01, 0.5]) {
    const indices = revoked(size, share)
    const encode = () => {
      const list = new StatusList(size)
      for (const index of indices) list.setInvalid(index)
      return list.encoded()
    }
    const theirs = Array.from({ length: size }, () => 0)
    for (const index of indices) theirs[index] = 1
    const encodeTheirs = () => new TheirList(theirs, 1).compressStatusList()
    const [ourMs, theirMs] = [await median(encode), await median(encodeTheirs)]
    const [ourBytes, theirBytes] = [(await encode()).length, encodeTheirs().length]
    process.stdout.write(
      `${String(size).padEnd(9)} ${String(share * 100).padStart(3)} %   ${ourMs.toFixed(1).padStart(7)}  ${String(ourBytes).padStart(8)}   ${theirMs.toFixed(1).padStart(9)}  ${String(theirBytes).padStart(8)}\n`,
    )
  }
}
