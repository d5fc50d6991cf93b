/** Fetches a nats-server release, checks it against a pinned SHA-256 and unpacks it into the cache. */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Plain } from './plain.js'

/** The release that is fetched. */
export const natsVersion = '2.10.29'
export const officialReleases = 'https://github.com/nats-io/nats-server/releases/download'

/** SHA-256 of the release's archives, as the official container images of the same release pin them. */
const pins: Readonly<Record<string, string>> = {
  'linux-amd64': 'e314da74a83a1d3876db8814c27eb990fe729640fd6452025b441bcede8390da',
  'linux-arm64': 'da4b27942ecfb4c5f0c54553d2e7f470ddda9d7581cfe8131b351a0e223ed401',
  'linux-arm7': 'a59e7336a32ef78b0ca8bc3e6707a5770461d3f45c4c2f96cfef263f26eaefd5',
  'linux-386': 'abc385394c19784558f7aa2f9770fe2daceb22cf95e3fa398c832590479396b0',
  'linux-s390x': 'ee821b1eae8bb98a0d4603510a41613dd15afef244261a79da33515699d1aece',
  'linux-ppc64le': '31b0063d261e5d8c59396f8a3f9298ad80b36fd4bc370ce59e5d160f55a0fe46',
}
const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm: 'arm7',
  ppc64: 'ppc64le',
}

const archiveBytesMax = 100_000_000
const fetchMsMax = 300_000

export interface InstallOptions {
  /** Where releases are: `FROM/vVERSION/nats-server-vVERSION-PLATFORM.tar.gz`. */
  readonly from: string
  /** The cache. */
  readonly directory: string
  /** `linux-amd64` and so on; default this machine's. */
  readonly platform?: string
  /** For an archive that is not the pinned one: the caller's own pin. */
  readonly sha256?: string
}
export interface Installed {
  readonly path: string
  readonly url: string
  readonly sha256: string
}

/** This machine as release archives name it. */
const platformName = (): string => `${process.platform}-${architectures[process.arch] ?? process.arch}`

/**
 * Installs it. Nothing is written before the checksum is right; what was installed before stays until the
 * new one is complete.
 */
export const installNatsServer = async (options: InstallOptions): Promise<Installed> => {
  const platform = options.platform ?? platformName()
  const sha256 = (options.sha256 ?? pins[platform])?.toLowerCase()
  if (sha256 === undefined) {
    throw new Plain(
      `No release for ${platform} is pinned here: install nats-server with the system's package manager, ` +
        'or give --from and --sha256 yourself.',
    )
  }
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Plain('--sha256: expected 64 hexadecimal digits.', 2)
  const name = `v${natsVersion}/nats-server-v${natsVersion}-${platform}.tar.gz`
  const url = `${options.from.replace(/\/+$/, '')}/${name}`
  const archive = await download(url)
  const found = createHash('sha256').update(archive).digest('hex')
  if (found !== sha256) {
    throw new Plain(`${url} has the SHA-256 ${found}, expected ${sha256}: nothing was installed.`)
  }
  const binary = unpack(archive, 'nats-server', url)
  const path = join(options.directory, 'nats-server')
  const fresh = `${path}.${process.pid}`
  mkdirSync(options.directory, { recursive: true })
  writeFileSync(fresh, binary)
  chmodSync(fresh, 0o755)
  renameSync(fresh, path)
  return { path, url, sha256 }
}

const download = async (url: string): Promise<Buffer> => {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new Plain('--from: expected a URL such as https://mirror.example/nats-server.', 2)
  }
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') {
    throw new Plain('--from: expected a URL that begins with https:// or http://.', 2)
  }
  try {
    const response = await fetch(parsed, { signal: AbortSignal.timeout(fetchMsMax) })
    if (!response.ok) throw new Plain(`${url} answered ${response.status}: nothing was installed.`)
    return await readAll(response, url)
  } catch (error) {
    if (error instanceof Plain) throw error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error)
    throw new Plain(
      `${url} cannot be fetched (${cause.message}). Without internet: apt-get download nats-server && ` +
        `dpkg-deb -x nats-server_*.deb DIRECTORY, or give --from a mirror.`,
    )
  }
}

const readAll = async (response: Response, url: string): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    parts.push(part)
    bytes += part.byteLength
    if (bytes > archiveBytesMax)
      throw new Plain(`${url} is longer than ${archiveBytesMax} bytes: it is no release.`)
  }
  return Buffer.concat(parts)
}

const blockBytes = 512
const text = (block: Buffer, from: number, length: number): string =>
  block.toString('utf8', from, from + length).replace(/\0.*$/s, '')

/** The bytes of the one regular file of that name in a tar.gz. */
const unpack = (archive: Buffer, name: string, url: string): Buffer => {
  let tar: Buffer
  try {
    tar = gunzipSync(archive, { maxOutputLength: 4 * archiveBytesMax })
  } catch {
    throw new Plain(`${url} is not a tar.gz archive.`)
  }
  for (let at = 0; at + blockBytes <= tar.length; ) {
    const size = Number.parseInt(text(tar, at + 124, 12), 8) || 0
    const type = text(tar, at + 156, 1)
    const file = text(tar, at, 100).split('/').at(-1)
    const start = at + blockBytes
    if (file === name && (type === '0' || type === '') && size > 0) return tar.subarray(start, start + size)
    at = start + Math.ceil(size / blockBytes) * blockBytes
  }
  throw new Plain(`${url} contains no file ${name}.`)
}
