/**
 * One connection over a scripted node: what is in flight, in which order, and what a slow or broken other
 * side costs.
 */
import t from 'tap'
import { gatewayLimits } from '../../../actors/gateway/limits.js'
import { openConnection } from '../../../actors/gateway/connection.js'
import type { Authenticate } from '../../../actors/gateway/login.js'
import { neverSeen } from '../../../actors/presence.js'
import { type AskError, AskFailed, type TumenNode } from '../../../lib/index.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import { seededRandom } from '../../../lib/std/random.js'

interface Asked {
  readonly kind: string
  readonly id: string
  readonly tag: string
  readonly reqId: string | undefined
  answer(reply: unknown): void
  fail(error: AskError): void
}
type Message = { readonly kind: string; readonly tag: string }

/** A node whose asks the test answers; logging in is answered by itself. */
const scripted = () => {
  const asked: Asked[] = []
  const told: string[] = []
  const byItself: Record<string, unknown> = {
    Attach: { online: true, node: 'n1#1', session: 's', since: 0, invitations: [] },
    Current: { party: 'p1', lastParty: null, presence: neverSeen },
  }
  const ref = ({ kind }: { kind: string }, id = '') => ({
    tell: (message: Message) => void told.push(message.tag),
    ask: (message: Message, options?: { reqId?: string }) =>
      new Promise((resolve, reject) => {
        if (message.tag in byItself) return resolve(byItself[message.tag])
        const fail = (error: AskError) => reject(new AskFailed(error))
        asked.push({ kind, id, tag: message.tag, reqId: options?.reqId, answer: resolve, fail })
      }),
  })
  const node = { id: 'n1#1', ref, local: ref, publish: () => undefined } as unknown as TumenNode
  return { node, asked, told, byItself }
}

const connected = (
  authenticate: Authenticate = () => ({ player: 'ada' }),
  limits: Partial<typeof gatewayLimits> = {},
) => {
  const clock = new VirtualClock()
  const { node, asked, told, byItself } = scripted()
  const sent: Record<string, unknown>[] = []
  const closed: [code: number, reason: string][] = []
  let buffered = 0
  const socket = {
    send: (text: string) => void sent.push(JSON.parse(text) as Record<string, unknown>),
    close: (code: number, reason: string) => void closed.push([code, reason]),
    bufferedBytes: () => buffered,
  }
  const connection = openConnection({
    node,
    socket,
    authenticate,
    limits: { ...gatewayLimits, ...limits },
    clock,
    random: seededRandom(1),
  })
  let id = 0
  const say = async (cmd: string, fields: object = {}): Promise<void> => {
    connection.onText(JSON.stringify({ id: ++id, cmd, ...fields }))
    await turns()
  }
  return {
    clock,
    asked,
    told,
    byItself,
    sent,
    closed,
    connection,
    say,
    slow: (bytes: number) => {
      buffered = bytes
    },
  }
}
/** Promises that are ready have run. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
const loggedIn = async (limits: Partial<typeof gatewayLimits> = {}) => {
  const c = connected(undefined, limits)
  await c.say('login', { credentials: {} })
  c.sent.length = 0
  return c
}

t.test(
  'connection - a command more than may be pending is refused, and taken again after an answer',
  async (t) => {
    const { asked, sent, say } = await loggedIn({ pendingCountMax: 2 })
    for (const text of ['1', '2', '3']) await say('chat', { text })
    t.match(sent, [{ id: 4, ok: false, error: 'RATE_LIMITED' }])
    asked[0]?.answer({ number: 1 })
    await turns()
    await say('chat', { text: '4' })
    t.equal(asked.length, 3)
  },
)

t.test(
  'connection - commands are asked in the order in which they came, also when one must be looked up',
  async (t) => {
    const { asked, say } = await loggedIn()
    const both = [say('chat', { text: 'first' }), say('chat', { text: 'second', party: 'p1' })]
    await Promise.all(both)
    t.same(
      asked.map(({ reqId }) => reqId?.endsWith('.1')),
      [true, false],
    )
  },
)

t.test('connection - a reqId belongs to one player and one command', async (t) => {
  const { asked, say } = await loggedIn()
  await say('leave', { reqId: 'r1' })
  await say('disband', { reqId: 'r1' })
  t.same(
    asked.map(({ reqId }) => reqId),
    ['ada/leave/r1', 'ada/disband/r1'],
  )
})

t.test('connection - a create with one reqId is for one party', async (t) => {
  const { asked, say } = await loggedIn()
  for (const reqId of ['r1', 'r1', 'r2']) await say('create', { reqId })
  t.same(
    asked.map(({ id }) => id),
    ['ada:r1', 'ada:r1', 'ada:r2'],
  )
})

const address = 'party/p1'
const failures: readonly (readonly [AskError, object])[] = [
  [
    { tag: 'AskTimeout', address, timeoutMs: 5_000 },
    {
      error: 'UNAVAILABLE',
      retryAfterMs: 500,
      message: /^There was no answer in time; .* send the same again/,
    },
  ],
  [
    { tag: 'Unavailable', address, retryAfterMs: 70 },
    { error: 'UNAVAILABLE', retryAfterMs: 70 },
  ],
  [
    { tag: 'Overloaded', address, mailboxCountMax: 1, retryAfterMs: 9 },
    { error: 'UNAVAILABLE', retryAfterMs: 9 },
  ],
  [{ tag: 'UnknownOutcome', address }, { error: 'UNAVAILABLE' }],
  [{ tag: 'NoRecipient', address }, { error: 'UNAVAILABLE' }],
  [
    { tag: 'Crashed', address, cause: new Error('secret') },
    { error: 'UNAVAILABLE', message: 'It failed; try again.' },
  ],
  [{ tag: 'StateLost', address }, { error: 'STATE_LOST' }],
  [{ tag: 'Malformed', address, complaints: ['by: expected PlayerId'] }, { error: 'BAD_REQUEST' }],
]
for (const [failure, expected] of failures) {
  t.test(`connection - ${failure.tag} is told with the reqId for another try`, async (t) => {
    const { asked, sent, say } = await loggedIn()
    await say('leave', { reqId: 'r1' })
    asked[0]?.fail(failure)
    await turns()
    t.match(sent, [{ id: 2, ok: false, reqId: 'r1', message: String, ...expected }])
    t.notMatch(JSON.stringify(sent), /secret|timeoutMs|party\/p1/, 'and nothing of the inside')
  })
}

t.test('connection - who reads too slowly is cut off, and its session is told', async (t) => {
  const { asked, closed, told, say, slow, sent } = await loggedIn()
  await say('chat', { text: 'hi' })
  slow(gatewayLimits.bufferedBytesMax + 1)
  asked[0]?.answer({ number: 1 })
  await turns()
  t.same(closed, [[1013, 'you read too slowly']])
  t.equal(told.at(-1), 'Drop')
  await say('ping')
  t.same(sent, [], 'and it is not listened to any more')
})

t.test('connection - closed while it logs in leaves no session', async (t) => {
  let letIn = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    letIn = resolve
  })
  const { say, told, connection, sent } = connected(() => gate.then(() => ({ player: 'ada' })))
  await say('login', { credentials: {} })
  connection.closed()
  letIn()
  await turns()
  t.same([told, sent], [[], []])
})

t.test('connection - a login that cannot be attached lets the socket try again', async (t) => {
  const { say, told, byItself, asked, sent } = connected()
  const { Attach } = byItself
  delete byItself['Attach']
  await say('login', { credentials: {} })
  asked[0]?.fail({ tag: 'Unavailable', address: 'session/ada', retryAfterMs: 30 })
  await turns()
  t.match(sent, [{ error: 'UNAVAILABLE', retryAfterMs: 30 }])
  t.same(told, ['Hold', 'Drop'])
  byItself['Attach'] = Attach
  await say('login', { credentials: {} })
  t.match(sent.at(-1), { ok: true, player: 'ada' })
})

t.test('connection - an authenticate that never answers is cut off by the login limit', async (t) => {
  const { say, clock, closed } = connected(() => new Promise(() => undefined))
  await say('login', { credentials: {} })
  await say('create')
  clock.advance(gatewayLimits.loginMs)
  t.same(closed, [[1008, 'log in first']])
})

t.test('connection - the rate is even, with room for a burst', async (t) => {
  const { say, sent, clock } = await loggedIn({ ratePerSecond: 10, rateBurstCount: 3 })
  for (let i = 0; i < 3; i++) await say('ping')
  t.same(
    sent.map(({ ok }) => ok),
    [true, true, false],
  )
  t.match(sent.at(-1), { error: 'RATE_LIMITED', retryAfterMs: 100, id: 4 })
  clock.advance(100)
  await say('ping')
  t.match(sent.at(-1), { ok: true })
})

t.test('connection - who is refused too often is cut off', async (t) => {
  const { say, sent, closed } = connected(() => ({ refused: 'no' }), { loginTriesCountMax: 2 })
  for (let i = 0; i < 3; i++) await say('login', { credentials: {} })
  t.match(sent, [{ error: 'FORBIDDEN' }, { error: 'FORBIDDEN' }])
  t.same(closed, [[1008, 'too many logins']])
})
