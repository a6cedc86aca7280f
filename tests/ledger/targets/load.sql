-- SPDX-License-Identifier: GPL-2.0-or-later
-- load.sql - work for sqlite3 that allocates: tables, indices, text, sorting, a trigger, a rollback, vacuum.
create table customer (id integer primary key, name text, note blob);
create table purchase (id integer primary key, customer integer, item text, price real);
with recursive n (i) as (values (1) union all select i + 1 from n where i < 3000)
	insert into customer select i, printf('customer %d', i * 7919 % 3001), zeroblob(i % 700) from n;
with recursive n (i) as (values (1) union all select i + 1 from n where i < 6000)
	insert into purchase select i, i * 31 % 3000 + 1, printf('%.*c', i % 90, 'x'), i * 0.5 from n;
create index by_name on customer (name);
create index by_customer on purchase (customer, item);
create trigger note after update on customer begin
	update purchase set price = price + 1 where customer = new.id;
end;
create view totals as select name, sum(price) as total, group_concat(item) as items
	from customer join purchase on customer.id = purchase.customer group by name;
update customer set note = upper(name) where id % 5 = 0;
begin;
delete from purchase where id % 2;
insert into customer (name) values ('nobody');
rollback;
delete from purchase where id % 3 = 0;
create table report as select * from totals order by total desc, name;
vacuum;
pragma integrity_check;
select count(*), round(sum(total)), max(length(items)) from report;
