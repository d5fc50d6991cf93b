/** Where NATS is and how a node shows who it is; and what failures there mean for people. */
import { readFileSync } from 'node:fs'
import { type ConnectionOptions, credsAuthenticator, ErrorCode, NatsError } from 'nats'
import { StartFailed } from '../errors.js'
import { inboxPrefix } from '../wire/subjects.js'

export interface NatsTls {
  /** Paths of PEM files. */
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  /** TLS before the server says anything; it must be set up for that. */
  readonly handshakeFirst?: boolean
}

/** A user of the server's system account, which may hear whose connection has ended. */
export interface NatsSystemAccount {
  /** Addresses that carry its user and password; default: those of the node, which then need a file. */
  readonly servers?: string | readonly string[]
  /** A file with a JWT and a seed of that user. */
  readonly credentialsFile?: string
}

export interface NatsOptions {
  /**
   * One or several addresses of one cluster of servers; default `nats://127.0.0.1:4222`. May carry a user and
   * password (`nats://user:password@host`) or a token (`nats://token@host`); `tls://` asks for TLS.
   */
  readonly servers?: string | readonly string[]
  /** A file with a JWT and a seed. It is read again for each connection. */
  readonly credentialsFile?: string
  readonly tls?: NatsTls
  /**
   * A node whose process ends is then missed within milliseconds, instead of two probes. One connection
   * more, which may only subscribe to `$SYS.ACCOUNT.*.DISCONNECT`. Default: none.
   */
  readonly systemAccount?: NatsSystemAccount
  /** Copies of each record, when the first node makes the store; default 3 on three servers, else 1. */
  readonly replicas?: 1 | 3
  /** How long the server may take to answer when a node starts, in milliseconds; default 3,000. */
  readonly connectTimeoutMs?: number
}

export interface Address {
  readonly host: string
  readonly port: number
  /** As people write it, without what is secret. */
  readonly shown: string
  readonly user?: string
  readonly pass?: string
  readonly token?: string
  readonly tls: boolean
}

const defaultServers = 'nats://127.0.0.1:4222'

/** An address without what is secret in it. */
const shown = (server: string): string => server.replace(/\/\/[^@/]*@/, '//')

const parseAddress = (text: string): Address => {
  const full = text.includes('://') ? text : `nats://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url === undefined || url.hostname === '' || !['nats:', 'tls:'].includes(url.protocol)) {
    throw new StartFailed(
      'NoNats',
      `"${shown(text).slice(0, 120)}" is not an address of a NATS server such as ${defaultServers}.`,
    )
  }
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  const port = url.port === '' ? 4222 : Number(url.port)
  // Brackets around an IPv6 address belong to the URL.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const address = { host, port, shown: `nats://${url.hostname}:${port}`, tls: url.protocol === 'tls:' }
  if (user === '') return address
  return pass === '' ? { ...address, token: user } : { ...address, user, pass }
}

export const addressesOf = (options: NatsOptions): readonly Address[] => {
  const servers = options.servers ?? defaultServers
  return (typeof servers === 'string' ? servers.split(',') : servers).map((text) => parseAddress(text.trim()))
}

const authOf = (options: NatsOptions, addresses: readonly Address[]): ConnectionOptions => {
  const { credentialsFile } = options
  if (credentialsFile !== undefined) {
    readCredentials(credentialsFile)
    // Read at each dial, so that a rotated file is taken up.
    return { authenticator: (nonce) => credsAuthenticator(readCredentials(credentialsFile))(nonce) }
  }
  const { user, pass, token } =
    addresses.find((one) => one.user !== undefined || one.token !== undefined) ?? {}
  return {
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
  }
}

const readCredentials = (file: string): Uint8Array => {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new StartFailed(
      'NoNats',
      `The credentialsFile "${file}" cannot be read: correct the path or its permissions.`,
      error,
    )
  }
}

/** What every dial of a connection is given, but for the server. */
export const connectionOptions = (options: NatsOptions, name: string, cluster: string): ConnectionOptions => {
  const addresses = addressesOf(options)
  const wantsTls = options.tls !== undefined || addresses.some(({ tls }) => tls)
  return {
    ...authOf(options, addresses),
    name,
    inboxPrefix: inboxPrefix(cluster),
    timeout: connectTimeoutMs(options),
    // Dialling again is done in `nats-connection.ts`.
    reconnect: false,
    // A frozen or half-open server is noticed after three of them.
    pingInterval: 1_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(wantsTls ? { tls: options.tls ?? {} } : {}),
  }
}

export const connectTimeoutMs = (options: NatsOptions): number => options.connectTimeoutMs ?? 3_000

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : 'no reason given')

const causeCode = (error: unknown): string => {
  const chain = error instanceof NatsError ? error.chainedError : undefined
  const code: unknown =
    (chain as { code?: unknown } | undefined)?.code ?? (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'UNKNOWN'
}

/** What went wrong, and what to do, for somebody who starts a node. */
export const connectFailure = (error: unknown, where: string): StartFailed => {
  if (error instanceof StartFailed) return error
  const fail = (sentence: string): StartFailed => new StartFailed('NoNats', sentence, error)
  const code = causeCode(error)
  switch (code) {
    case 'ECONNREFUSED':
      return fail(
        `Nothing listens at ${where}: start nats-server there (nats-server -js), or correct servers.`,
      )
    // The client says so also of a connection that was closed before the server's greeting.
    case ErrorCode.ConnectionRefused:
    case ErrorCode.ProtocolError:
    case 'ECONNRESET':
      return fail(
        `What listens at ${where} does not speak NATS: give the address of a nats-server, such as port 4222.`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(`The host name in ${where} is not known: correct it in servers.`)
    case ErrorCode.Timeout:
    case ErrorCode.ConnectionTimeout:
      return fail(
        `No NATS server answered at ${where} in time: check the address, or raise connectTimeoutMs.`,
      )
    case ErrorCode.AuthorizationViolation:
    case ErrorCode.BadAuthentication:
    case ErrorCode.AuthenticationExpired:
    case ErrorCode.BadCreds:
      return fail(
        `NATS at ${where} refused the credentials: give user and password in servers, or a credentialsFile.`,
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return fail(
        `The certificate of ${where} is not trusted: give tls.caFile, the authority that signed it.`,
      )
    case ErrorCode.ServerOptionNotAvailable:
      return fail(`NATS at ${where} and the tls option do not agree: one wants TLS and the other does not.`)
    default:
      return fail(`The connection to NATS at ${where} failed (${code}): ${messageOf(error)}.`)
  }
}
