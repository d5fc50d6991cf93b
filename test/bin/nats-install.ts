import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { installNatsServer, natsVersion } from '../../bin/nats-install.js'

const binary = Buffer.from('#!/bin/sh\necho not a real one\n')

/** One regular file in a tar archive: name, mode, size and type where tar has them. */
const tar = (name: string, content: Buffer): Buffer => {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000755\0', 100)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('0', 156)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([header, content, padding])
}
const archive = gzipSync(
  Buffer.concat([
    tar('nats-server-x/README.md', Buffer.from('read me')),
    tar('nats-server-x/nats-server', binary),
    Buffer.alloc(1_024),
  ]),
)
const pinOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const serve = async (t: Test, bytes: Buffer, asked: string[] = []): Promise<string> => {
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url?.startsWith('/releases/')) response.end(bytes)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test(
  'nats install - fetches the release for the platform and puts the server into the cache',
  async (t) => {
    const asked: string[] = []
    const url = await serve(t, archive, asked)
    const directory = join(t.testdir({}), 'cache')
    const options = { from: `${url}/releases/`, directory, platform: 'linux-amd64', sha256: pinOf(archive) }
    const { path } = await installNatsServer(options)
    t.same(asked, [`/releases/v${natsVersion}/nats-server-v${natsVersion}-linux-amd64.tar.gz`])
    t.same(readFileSync(path), binary)
    t.equal(statSync(path).mode & 0o777, 0o755)
  },
)

t.test('nats install - an archive that is not the pinned release changes nothing', async (t) => {
  const url = await serve(t, archive)
  const directory = t.testdir({ 'nats-server': 'the old one' })
  await t.rejects(installNatsServer({ from: `${url}/releases`, directory, platform: 'linux-amd64' }), {
    message: /has the SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}: nothing was installed/,
  })
  t.equal(readFileSync(join(directory, 'nats-server'), 'utf8'), 'the old one')
})

t.test('nats install - what goes wrong is said in a sentence', async (t) => {
  const url = await serve(t, Buffer.from('no archive'))
  const directory = t.testdir({})
  const install = (more: object) =>
    installNatsServer({ from: url, directory, platform: 'linux-amd64', ...more })
  await t.rejects(install({}), { message: /answered 404: nothing was installed/ })
  await t.rejects(install({ from: `${url}/releases`, sha256: pinOf(Buffer.from('no archive')) }), {
    message: /is not a tar\.gz archive/,
  })
  await t.rejects(install({ from: 'http://127.0.0.1:1' }), {
    message: /cannot be fetched .*apt-get download/,
  })
  await t.rejects(install({ from: 'ftp://mirror' }), { message: /^--from: expected a URL/ })
  await t.rejects(install({ from: 'no url' }), { message: /^--from: expected a URL/ })
  await t.rejects(install({ sha256: '12' }), { message: /^--sha256: expected 64 hexadecimal digits/ })
  await t.rejects(install({ platform: 'plan9-mips' }), { message: /No release for plan9-mips is pinned/ })
  t.notOk(existsSync(join(directory, 'nats-server')))
})

t.test('nats install - an archive without the server is refused', async (t) => {
  const other = gzipSync(tar('something-else', binary))
  const url = await serve(t, other)
  const directory = t.testdir({})
  await t.rejects(installNatsServer({ from: `${url}/releases`, directory, sha256: pinOf(other) }), {
    message: /contains no file nats-server/,
  })
})
