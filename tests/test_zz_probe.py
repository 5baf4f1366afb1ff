from tests.builders import *
import os
async def test_reappear(house):
    f=await house.facility(FACILITY)
    for kw in ({}, {'without':['XML2']}, {}):
        r=await house.submit(f, visit_file(**kw)); print(r.status_code, r.text[:200])
async def test_waits_then_back(house):
    f=await house.facility(FACILITY)
    for c in (NATIONAL_ID,'999190000002',NATIONAL_ID):
        r=await house.submit(f, visit_file({'SO_CCCD':c})); print(r.status_code, r.text[:200])
async def test_garbage17(house):
    f=await house.facility(FACILITY)
    r=await house.submit(f, os.urandom(17_500_000)); print(r.status_code, r.text[:200])
async def test_many_problems(house):
    f=await house.facility(FACILITY)
    x1=table_xml("XML1",[SUMMARY])
    r=await house.submit(f, envelope(part('XML1',x1)+part('XML2',table_xml('XML2',[{'MA_LK':'L'}]*3000)))); print(r.status_code, len(r.text))
