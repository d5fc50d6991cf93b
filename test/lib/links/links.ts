import t from 'tap'
import { createLinks, type Links, type SendProblem } from '../../../lib/links/links.js'
import { nodeId } from '../../../lib/ids.js'
import { noneReached } from '../../../lib/limits.js'
import { seededRandom } from '../../../lib/std/random.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import { faulty, type FaultControl } from '../../../lib/transport/faulty.js'
import { memory } from '../../../lib/transport/memory.js'
import type { Session } from '../../../lib/transport/transport.js'
import type { Envelope } from '../../../lib/wire/envelope.js'

interface Node {
  readonly name: string
  readonly session: Session
  readonly links: Links
  readonly reached: ReturnType<typeof noneReached>
  readonly got: string[]
  readonly problems: SendProblem[]
  readonly malformed: string[]
}
const a = nodeId('a', 1)
const b = nodeId('b', 1)

const twoNodes = (
  window?: number,
): { clock: VirtualClock; faults: FaultControl; nodes: readonly [Node, Node] } => {
  const clock = new VirtualClock()
  const random = seededRandom(1)
  const transport = faulty(memory(), { clock, random })
  const open = (name: string): Node => {
    const session = transport.openNow({ cluster: 'c', nodeName: name, clock, random })
    const [got, problems, malformed]: [string[], SendProblem[], string[]] = [[], [], []]
    const reached = noneReached()
    const links = createLinks({
      session,
      clock,
      reached,
      self: nodeId(name, 1),
      config: { frameBytesMax: 4_096, ...(window === undefined ? {} : { linkWindowBytes: window }) },
      deliver: (envelope, from, lane) => {
        got.push(`${from} ${lane} ${envelope.type === 'control' ? envelope.verb : envelope.type}`)
        if (envelope.type === 'control' && envelope.verb === 'again')
          links.send(nodeId(name, 1), control('back'))
      },
      onProblem: (_to, _envelope, problem) => problems.push(problem),
      onMalformed: (sentence) => malformed.push(sentence),
    })
    session.listen(nodeId(name, 1), links.inbox, () => undefined)
    return { name, session, links, reached, got, problems, malformed }
  }
  return { clock, faults: transport.faults, nodes: [open('a'), open('b')] }
}
const control = (verb: string, bytes = 0): Envelope => ({
  type: 'control',
  verb,
  body: new Uint8Array(bytes),
})

t.test('links - what is sent to one node in one turn leaves as one frame, in order', async (t) => {
  const {
    clock,
    nodes: [from, to],
  } = twoNodes()
  for (const verb of ['one', 'two', 'three']) t.ok(from.links.send(b, control(verb)))
  t.strictSame(to.got, [])
  clock.runUntilIdle()
  t.strictSame(to.got, ['a#1 data one', 'a#1 data two', 'a#1 data three'])
  t.match(from.links.counters, { sent: 3, framesSent: 1 })
  t.match(to.links.counters, { received: 3, framesReceived: 1, bytesReceived: from.links.counters.bytesSent })
})

t.test('links - each lane has its own frame', async (t) => {
  const {
    clock,
    nodes: [from, to],
  } = twoNodes()
  from.links.send(b, control('data'))
  from.links.send(b, control('lease'), 'control')
  clock.runUntilIdle()
  t.strictSame(to.got.sort(), ['a#1 control lease', 'a#1 data data'])
  t.equal(from.links.counters.framesSent, 2)
})

t.test('links - flush sends before the end of the turn, and only once', async (t) => {
  const {
    clock,
    nodes: [from, to],
  } = twoNodes()
  from.links.send(b, control('now'))
  from.links.flush()
  from.links.flush()
  t.equal(from.links.counters.framesSent, 1)
  clock.runUntilIdle()
  t.strictSame(to.got, ['a#1 data now'])
  t.equal(from.links.counters.framesSent, 1)
})

t.test(
  'links - to itself a node sends without frames, later and in order, also when it is not connected',
  async (t) => {
    const {
      clock,
      faults,
      nodes: [node],
    } = twoNodes()
    faults.disconnect('a')
    const held = (verb: string): Envelope => ({ type: 'control', verb, body: (() => 1) as never })
    for (const verb of ['again', 'second']) t.ok(node.links.send(a, held(verb)))
    t.strictSame(node.got, [])
    clock.runUntilIdle()
    t.strictSame(node.got, ['a#1 data again', 'a#1 data second', 'a#1 data back'])
    t.match(node.links.counters, { local: 3, framesSent: 0 })
  },
)

t.test('links - while not connected nothing is accepted, and what waited is counted', async (t) => {
  const {
    clock,
    faults,
    nodes: [from, to],
  } = twoNodes()
  t.ok(from.links.send(b, control('waits')))
  faults.disconnect('a')
  t.notOk(from.links.send(b, control('refused')))
  clock.runUntilIdle()
  t.strictSame([to.got, from.problems], [[], [{ tag: 'Down' }]])
  t.match(from.links.counters, { sent: 0, droppedDown: 2 })
  faults.heal()
  t.ok(from.links.send(b, control('back')))
  clock.runUntilIdle()
  t.strictSame(to.got, ['a#1 data back'])
})

t.test('links - what cannot be sent is refused at once, and the rest of the turn leaves', async (t) => {
  const {
    clock,
    nodes: [from, to],
  } = twoNodes()
  t.notOk(from.links.send(b, control('large', 5_000)))
  t.notOk(from.links.send(b, { type: 'control', verb: 'function', body: (() => 1) as never }))
  clock.runUntilIdle()
  t.equal(from.links.counters.framesSent, 0)
  for (let i = 0; i < 3; i++) t.ok(from.links.send(b, control(`c${i}`, 2_000)))
  clock.runUntilIdle()
  t.match(from.problems, [
    { tag: 'TooLarge', bytesMax: 4_096 },
    { tag: 'NotWire', text: /a function cannot travel/ },
  ])
  t.match(from.links.counters, { droppedUnsendable: 2, sent: 3, framesSent: 2 })
  t.equal(from.reached.frameBytesMax, 1)
  t.strictSame(to.got, ['a#1 data c0', 'a#1 data c1', 'a#1 data c2'])
})

t.test('links - a malformed frame is counted and reported, and does no harm', async (t) => {
  const {
    clock,
    nodes: [from, to],
  } = twoNodes()
  from.session.send(b, 'data', new Uint8Array([1, 2, 3]))
  from.links.send(b, control('good'))
  clock.runUntilIdle()
  t.strictSame([to.got, to.malformed], [['a#1 data good'], ['these bytes are not a frame']])
  t.match(to.links.counters, { framesMalformed: 1, framesReceived: 2, received: 1 })
})

t.test(
  'links - a node that takes nothing is sent no more than the window, and everything again after that',
  async (t) => {
    const {
      clock,
      faults,
      nodes: [from, to],
    } = twoNodes(16_384)
    faults.pause('b')
    let accepted = 0
    for (let i = 0; i < 100; i++) {
      if (from.links.send(b, control('bulk', 1_000))) accepted++
      clock.advance(1)
    }
    t.ok(accepted >= 14 && accepted <= 16, `${accepted} accepted`)
    t.match(from.problems[0], { tag: 'Full', windowBytes: 16_384 })
    t.equal(from.links.counters.droppedFull, 100 - accepted)
    t.ok(from.links.send(b, control('lease'), 'control'), 'the control lane never waits behind data')
    faults.resume('b')
    clock.advance(300)
    t.equal(to.got.length, accepted + 1)
    t.ok(from.links.send(b, control('after')))
  },
)

t.test('links - traffic in one direction goes on for ever, with few frames back', async (t) => {
  const {
    clock,
    nodes: [from, to],
  } = twoNodes(16_384)
  for (let i = 0; i < 500; i++) {
    from.links.send(b, control('bulk', 1_000))
    clock.advance(1)
  }
  t.equal(to.got.length, 500)
  t.ok(to.links.counters.framesSent < 150, `${to.links.counters.framesSent} frames back`)
})

t.test('links - a full window comes back although what filled it and its answers are lost', async (t) => {
  const {
    clock,
    faults,
    nodes: [from, to],
  } = twoNodes(16_384)
  faults.cut('a', 'b')
  while (from.links.send(b, control('lost', 1_000))) clock.advance(1)
  faults.heal()
  faults.cut('b', 'a')
  from.links.send(b, control('refused', 1_000))
  clock.advance(500)
  t.notOk(from.links.send(b, control('refused', 1_000)))
  faults.heal()
  clock.advance(500)
  t.ok(from.links.send(b, control('arrives')))
  clock.advance(1)
  t.strictSame(to.got, ['a#1 data arrives'])
  t.equal(clock.pendingCount, 0)
})

t.test('links - a forgotten node starts afresh, and nothing is left behind by close', async (t) => {
  const {
    clock,
    faults,
    nodes: [from, to],
  } = twoNodes(16_384)
  faults.pause('b')
  while (from.links.send(b, control('bulk', 1_000)));
  from.links.forget(b)
  t.ok(from.links.send(b, control('afresh')))
  from.links.send(a, control('self'))
  from.links.close()
  from.links.close()
  t.notOk(from.links.send(b, control('closed')))
  from.links.send(a, control('self'))
  to.links.send(a, control('to the closed'))
  clock.runUntilIdle()
  t.strictSame(from.got, [])
  faults.resume('b')
  clock.runUntilIdle()
  t.equal(to.got.at(-1), 'a#1 data afresh')
  t.equal(clock.pendingCount, 0)
})
