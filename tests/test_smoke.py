from support import zvm_config


async def test_one(simulate, export, clock, ca_file):
    sim = await simulate(vms=5)
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert len(page.values("zerto_vm_iops")) >= 5
    await sim.stop()
    await clock.advance(30)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 0
    assert page.values("zerto_vm_iops")
    await clock.advance(120)
    page = await running.page()
    assert not page.values("zerto_vm_iops")
