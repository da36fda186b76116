import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { listen } from '../../../src/web/server/http-server.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function taken(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const refusalOf = (port: number, host: string, setting?: string): Promise<Error> =>
  listen(() => {}, port, host, setting).then(
    (server) => {
      servers.push(server)
      throw new Error('it listened')
    },
    (error: Error) => error,
  )

describe('listening on a taken port', () => {
  test('the error for a taken port names the setting that chooses another port', async () => {
    const port = await taken('127.0.0.1')
    const refusal = await refusalOf(port, '127.0.0.1')
    expect(refusal).toMatchObject({ code: 'port_taken', kind: 'conflict' })
    expect(refusal.message).toMatch(new RegExp(`^Port ${port} of 127\\.0\\.0\\.1 is taken by .*CLAVIGER_PORT\\.$`))
    const management = await refusalOf(port, '127.0.0.1', 'CLAVIGER_MANAGEMENT_PORT')
    expect(management.message).toMatch(/choose another port with CLAVIGER_MANAGEMENT_PORT\.$/)
  })

  const onLinux = process.platform === 'linux' ? test : test.skip
  onLinux('the error for a taken port names the process that holds it, without its arguments', async () => {
    const script = `require('node:http').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
    const child = spawn(process.execPath, ['-e', script, '--', '--password=s3cret'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const { message } = await refusalOf(Number(line.toString()), '127.0.0.1')
      expect(message).toContain(`(process ${child.pid})`)
      expect(message).toContain('"node')
      expect(message).not.toMatch(/s3cret|require/)
    } finally {
      child.kill()
      await once(child, 'exit')
    }
  })

  onLinux.each([
    ['0.0.0.0', '127.0.0.1'],
    ['127.0.0.1', '0.0.0.0'],
    ['127.0.0.1', 'localhost'],
  ])(
    'the error names the holder of the port when the holder listens on %s and this process on %s',
    async (held, wanted) => {
      const port = await taken(held)
      expect((await refusalOf(port, wanted)).message).toContain(`(process ${process.pid})`)
    },
  )
})
