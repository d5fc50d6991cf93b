/** What a client may do by the roles that its host gave to it, and what it cannot give to itself. */
import t from 'tap'
import type { Authenticate } from '../../../actors/index.js'
import { type Client, connect, enter } from '../../fixtures/game/client.js'
import { type Place, startGame } from '../../fixtures/game/cluster.js'

/** As a host would: the token says who it is, the host's own list says what that one may do. */
const authenticate: Authenticate = ({ token }) =>
  typeof token !== 'string'
    ? { refused: 'Bring a token.' }
    : { player: token, roles: token.startsWith('admin') ? ['admin'] : [] }

const enterBy = async (url: string, token: string): Promise<Client> => {
  const client = await connect(url)
  t.match(await client.command('login', { credentials: { token } }), { ok: true, player: token })
  return client
}
const outcome = async (client: Client, cmd: string, fields: object = {}): Promise<unknown> => {
  const said = await client.command(cmd, fields)
  return said.ok ? 'ok' : (said['refused'] ?? said['error'])
}

/** Who ends a party that it names, and what comes of it without the name. */
const issuers: readonly (readonly [player: string, named: string, unnamed: string])[] = [
  ['stranger', 'NOT_IN_PARTY', 'NOT_IN_PARTY'],
  ['member', 'NOT_LEADER', 'NOT_LEADER'],
  ['leader', 'ok', 'ok'],
  ['admin', 'ok', 'NOT_IN_PARTY'],
  ['admin-inside', 'ok', 'NOT_LEADER'],
  ['admin-who-left', 'ok', 'NOT_IN_PARTY'],
]

t.test('roles - who may disband a party, with its name and without', async (t) => {
  const limits = { ratePerSecond: 10_000, rateBurstCount: 10_000 }
  const places = (await startGame(t, { nodes: 2, gateway: { authenticate, limits } })) as [Place, Place]
  const [n1, n2] = places.map(({ gateway }) => gateway.url) as [string, string]
  const clients = new Map<string, Client>()
  for (const [name] of issuers) clients.set(name, await enterBy(name.startsWith('admin') ? n2 : n1, name))
  const [leader, left] = [clients.get('leader') as Client, clients.get('admin-who-left') as Client]
  /** Led by `leader`, with the others who belong to it. */
  const opened = async (party: string): Promise<void> => {
    t.equal(await outcome(leader, 'create', { party }), 'ok')
    for (const target of ['member', 'admin-inside', 'admin-who-left']) {
      t.equal(await outcome(leader, 'invite', { target }), 'ok')
      t.equal(await outcome(clients.get(target) as Client, 'accept', { party }), 'ok')
    }
    t.equal(await outcome(left, 'leave'), 'ok')
  }
  for (const [player, named, unnamed] of issuers) {
    const client = clients.get(player) as Client
    await opened(`unnamed-${player}`)
    t.equal(await outcome(client, 'disband'), unnamed, `${player}, without a name`)
    if (unnamed !== 'ok') t.equal(await outcome(leader, 'disband'), 'ok', 'it is still there')
    const party = `named-${player}`
    await opened(party)
    t.equal(await outcome(client, 'disband', { party }), named, `${player}, with a name`)
    if (named !== 'ok') t.equal(await outcome(leader, 'disband'), 'ok', 'it is still there')
    t.equal(await outcome(client, 'disband', { party }), 'NO_SUCH_PARTY', 'it has ended')
  }
})

t.test('roles - an admin has no other right in a party of others', async (t) => {
  const [place] = (await startGame(t, { nodes: 1, gateway: { authenticate } })) as [Place]
  const { url } = place.gateway
  const [ada, admin] = [await enterBy(url, 'ada'), await enterBy(url, 'admin')]
  t.match(await ada.command('create', { party: 'p' }), { ok: true, settings: { muted: false } })
  for (const [cmd, fields] of Object.entries({
    invite: { target: 'admin' },
    kick: { target: 'ada' },
    transfer: { target: 'admin' },
    clear: {},
    mute: {},
    unmute: {},
    chat: { text: 'hello' },
    leave: {},
  })) {
    t.equal(await outcome(admin, cmd, { party: 'p', ...fields }), 'NOT_IN_PARTY', cmd)
  }
})

t.test('roles - they come from the host alone, and hold for the login', async (t) => {
  const [one] = (await startGame(t, { nodes: 1 })) as [Place]
  const eve = await connect(one.gateway.url)
  const credentials = { player: 'eve', roles: ['admin'] }
  t.match(await eve.command('login', { credentials }), { ok: true })
  t.match(await eve.command('whoami'), { player: 'eve', roles: [] }, 'also where it is taken at its word')
  const ada = await enter(one.gateway.url, 'ada')
  await ada.command('create', { party: 'p' })
  t.equal(await outcome(eve, 'disband', { party: 'p' }), 'NOT_IN_PARTY')
  t.equal(await outcome(eve, 'disband', { party: 'p', asAdmin: true }), 'BAD_REQUEST')
  t.equal(await outcome(eve, 'disband', { party: 'p', roles: ['admin'] }), 'BAD_REQUEST')
  t.equal(await outcome(ada, 'disband'), 'ok', 'it is still there')

  const given: Record<string, unknown> = { list: ['admin', 'other', 7], text: 'admin', other: ['Admin'] }
  const odd = (({ player }) => ({ player, roles: given[String(player)] })) as Authenticate
  const [two] = (await startGame(t, { nodes: 1, gateway: { authenticate: odd } })) as [Place]
  for (const [player, roles] of Object.entries({ list: ['admin'], text: [], other: [] })) {
    const client = await enter(two.gateway.url, player)
    t.same((await client.command('whoami'))['roles'], roles, `the host says ${given[player]}`)
  }
})

t.test('gateway - who may chat in a muted party, and what the others are told', async (t) => {
  const [place] = (await startGame(t, { nodes: 1 })) as [Place]
  const { url } = place.gateway
  const [ada, bo] = [await enter(url, 'ada'), await enter(url, 'bo')]
  await ada.command('create', { party: 'p' })
  await ada.command('invite', { target: 'bo' })
  await bo.command('accept', { party: 'p' })
  t.equal(await outcome(bo, 'mute'), 'NOT_LEADER')
  t.match(await ada.command('mute'), { ok: true, changed: true, version: 4 })
  t.match(await bo.command('chat', { text: 'hello' }), {
    ok: false,
    refused: 'MUTED',
    message: 'The party is muted: only its leader may chat.',
  })
  t.match(await bo.command('info'), { ok: true, settings: { muted: true } })
  t.equal(await outcome(ada, 'chat', { text: 'listen' }), 'ok')
  t.equal(await outcome(bo, 'unmute'), 'NOT_LEADER')
  t.match(await ada.command('unmute'), { ok: true, changed: true, version: 5 })
  t.equal(await outcome(bo, 'chat', { text: 'hello' }), 'ok')
})
