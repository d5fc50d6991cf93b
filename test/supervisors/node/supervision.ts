import t from 'tap'
import {
  behavior,
  ChildFailed,
  dynamic,
  ignore,
  kind,
  entities,
  disposable,
  id,
  type LocalRef,
  memory,
  message,
  next,
  nodeProtocol,
  protocol,
  reply,
  type StartFailed,
  startNode,
  supervisor,
  worker,
} from '../../../supervisors/index.js'
import * as io from 'io-ts'

const Clerk = nodeProtocol('clerk', { Note: message(), Count: message().replies(io.number) })
const clerk = (first = 0) =>
  behavior(Clerk, {
    init: () => first,
    on: { Note: (n) => next(n + 1), Count: (n) => reply(n, n) },
  })
const Porter = nodeProtocol('porter', { Fall: message() })
const porter = behavior(Porter, {
  init: () => 0,
  on: {
    Fall: () => {
      throw new Error('fell')
    },
  },
})
const Thing = protocol('thing', id('ThingId'), { Poke: message() })
const thing = kind(Thing, { state: disposable<number>(), init: () => 0, on: { Poke: (n) => next(n + 1) } })

t.test('node - its supervisors are found by id and by path, and administered while it runs', async (t) => {
  const desk = supervisor('desk', {}, [worker('porter', porter)])
  const tree = supervisor('root', {}, [desk, supervisor('back', {}, [dynamic('pool')]), entities(thing)])
  const node = await startNode({ cluster: 'c', name: 'a', transport: memory(), tree })
  t.teardown(() => node.stop({ drainMs: 0 }))
  t.equal(node.supervisor('pool').path, 'root/back/pool')
  t.equal(node.supervisor('root/desk').path, 'root/desk')
  t.throws(() => node.supervisor('porter'), { name: 'Misuse', code: 'KindNotInTree' })
  const answer = await node.supervisor('desk').startChild(worker('clerk', clerk(5)))
  t.match(answer, { tag: 'started', id: 'clerk' })
  t.equal(await node.local(Clerk).ask(Clerk.Count()), 5)
  const held = await node.supervisor('root').startChild(worker('clerk', clerk()))
  t.equal(held.tag === 'already-started' && held.ref, node.local(Clerk))
  const many = await node.supervisor('pool').startChild(clerk(7))
  const ref: LocalRef<'clerk'> | undefined = many.tag === 'started' ? many.ref : undefined
  t.equal(await ref?.ask(Clerk.Count()), 7, 'its ref is typed by its behavior')
  t.same(node.supervisor('root').count(), { specs: 3, active: 3, supervisors: 3, workers: 0 })
  t.match(node.supervisor('root').child('thing'), { type: 'entities', kind: 'thing', status: 'running' })
  t.match(await node.supervisor('root').startChild(entities(thing)), {
    tag: 'invalid',
    complaint: /belong into the tree given to startNode/,
  })
  await node.supervisor('desk').terminateChild('clerk')
  await node.supervisor('desk').deleteChild('clerk')
  t.throws(() => node.local(Clerk), { code: 'KindNotInTree' }, 'its name is free again')
})

t.test('node - a start that fails names the child, and carries what it threw', async (t) => {
  const boom = new Error('no port is free')
  const bad = behavior(Porter, {
    init: () => {
      throw boom
    },
    on: { Fall: (n) => next(n) },
  })
  const tree = supervisor('root', {}, [supervisor('desk', {}, [worker('porter', bad)])])
  const start = startNode({ cluster: 'c', name: 'a', transport: memory(), tree })
  const error = await start.then(
    () => undefined,
    (failed: StartFailed) => failed,
  )
  t.match(error, { name: 'StartFailed', code: 'ChildFailed' })
  t.match(error?.sentence, /root\/desk\/porter did not start: no port is free/)
  t.ok(error?.cause instanceof ChildFailed)
  t.equal((error?.cause as ChildFailed).cause, boom)
})

t.test('node - a root that says ignore is no node', async (t) => {
  const tree = supervisor('root', { init: () => ignore }, [])
  await t.rejects(startNode({ cluster: 'c', name: 'a', transport: memory(), tree }), {
    code: 'ChildFailed',
    message: /root supervisor of the tree said ignore/,
  })
})

t.test('node - a killed root ends the node, like one that gave up', async (t) => {
  const tree = supervisor('root', {}, [worker('porter', porter)])
  const node = await startNode({ cluster: 'c', name: 'a', transport: memory(), tree })
  node.supervisor('root').kill()
  await node.stop()
  t.equal(node.status().status, 'stopped')
})
