import t from 'tap'
import { PartyCode } from '../../actors/party/protocol.js'
import { Place } from '../fixtures/launcher.js'
import { hasNatsServer } from '../fixtures/nats-server.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'

t.setTimeout(180_000)
t.test(
  'evening - a node is killed in the middle, and nothing that was acknowledged is lost or doubled',
  { skip, timeout: 180_000 },
  async (t) => {
    const place = new Place(t)
    const { code, stdout, stderr } = await place.run(['up', '--demo', '--once', '--json'])
    const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    t.match(summary, { transport: 'nats', nodes: 3, commands: 20_000, lost: 0, doubled: 0 }, stderr)
    t.equal(code, 0)
    t.match(String(summary['killed']), /^n[123]$/)
    // SLOT_UNREACHABLE needs a cluster without player slots.
    const reasonCount = Object.keys(PartyCode.keys).length - 1
    t.match(stderr, `for ${reasonCount} reasons`, 'every refusal that a party declares occurred')
    t.match(stderr, /entities .* mirrors of \d+ shards, \d+ sockets, \d+ open commands at its gateway/)
  },
)
