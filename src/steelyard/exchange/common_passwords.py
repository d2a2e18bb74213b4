"""The first passwords that are tried: words that people take, with what they put behind them.

Ours, not somebody's leak: the common words, keyboard walks and rows of digits, each with the usual
endings, as far as they are long enough to be a password here. In the form that is compared, lower
case.
"""

SIZE_MIN = 10  # characters; shorter ones are refused for that

_WORDS = """
abc access admin administrator alexander amanda america andrew angel anthony apple arsenal asdf
asdfgh asdfghjkl ashley babygirl bailey banana barcelona baseball basketball batman bitcoin bitcoins
blockchain buster butterfly changeme charlie chelsea chocolate coinbase computer cookie crypto
daniel default diamond dragon elizabeth ethereum exchange family ferrari flower football forever
freedom friends george ginger google guest hannah harley hello hodl hunter iloveu iloveyou internet
jasmine jennifer jessica jordan joshua justin killer kitten letmein liverpool login london lovely
loveme lovers maggie manager market master matrix matthew maverick melissa mercedes michael michelle
minecraft monday money monkey morgan mustang naruto nicole ninja nothing oracle orange p@ss p@ssw0rd
p@ssword pa$$word pa55word pass passw0rd password patrick peanut pepper phoenix pokemon princess
private purple qazwsx qwer qwert qwerty qwertyui qwertyuiop rachel rainbow ranger richard robert
root samantha samsung satoshi secret security server shadow silver snoopy soccer spiderman starwars
steelyard summer sunday sunshine superman superstar test tester testing thomas thunder tigger
tinkerbell trader trading trustno1 trustnoone unicorn user vanessa victoria wallet welcome whatever
william winner winter yankees zaq12wsx zxcvbn zxcvbnm
"""
_ENDINGS = """
! !! !!! !@# !@#$ # #1 $ * -123 . 0 00 000 007 01 02 07 08 09 1 1! 10 100 1000 101 11 111 1111 11111
12 12! 121 123 123! 123# 1234 1234! 12345 123456 1234567 12345678 123456789 1234567890 123@ 123abc
13 1984 1985 1990 1995 1999 1q2w3e 2 2000 2001 2010 2015 2019 2020 2021 2022 2023 2024 2025 2026
2027 21 22 222 23 24 321 33 333 4321 44 456 5 55 555 6 654321 66 666 69 7 77 777 7777 789 8 88 888 9
987 99 999 ? @ @1 @12 @123 @1234 _1 _123 abc qwe xxx
"""
_WHOLE = """
0000000000 00000000000 0123456789 01234567890 0987654321 09876543210 1010101010 1020304050
1029384756 1111111111 11111111111 1111122222 1112223334 1122334455 112233445566 1212121212
1223334444 1231231231 123123123123 1232323232 1234512345 1234554321 12345543210 123456123456
12345654321 12345677654321 1234567887654321 1234567890 12345678900 12345678901 123456789012
1234567890a 1234567890q 12345678910 123456789101 1234567891011 123456789123 123456789a 123456789q
12345qwert 1234abcd1234 1234qwer1234 1234qwerasdf 123abc123abc 123qwe123qwe 123qweasdzxc 1313131313
1357924680 1472583690 1478963250 159357258456 1597534862 1a2b3c4d5e 1q1q1q1q1q 1q2w3e4r5t
1q2w3e4r5t6y 1qa2ws3ed4rf 1qaz1qaz1qaz 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc 2222222222
2468101214 3.14159265 3141592653 31415926535 3216549870 3333333333 4444444444 5555555555 6666666666
7777777777 7894561230 8888888888 9638527410 9876543210 9999999999 a123456789 a1b2c3d4e5 aa123456789
aaaaabbbbb abc1234567 abcabcabca abcd123456 abcd12345678 abcde12345 abcdef1234 abcdef123456
abcdefg123 abcdefg1234567 abcdefghij abcdefghijk abcdefghijkl abcdefghijklm abcdefghijklmnop
abcdefghijklmnopqrstuvwxyz accountaccount adminadmin adminadmin123 administrator applesauce
asdasdasda asdasdasdasd asdf1234asdf asdfasdfasdf asdfghjkl1 asdfghjkl; asdfjkl;asdfjkl;
asdfqwerzxcv azertyuiop azertyuiop123 bismillah1 bitcoinbitcoin blink182blink182 bubblegum1
butterfly1 changemenow changethis changethispassword cheesecake chocolate1 christopher
correcthorsebatterystaple cryptocurrency dallascowboys deadbeef00 defaultpassword diamondhands
doyouknow? dragonball dragonballz easypassword enter12345 evergreen1 everything fedcba9876
fingerprint footballer forgetmenot fortnite123 givemeaccess godisgood1 goldfish123 grandmother
hello12345 hellohello hellokitty helloworld helloworld1 helloworld123 idontknow1 idontknow123
ihateyou123 iloveyou12 iloveyou1234 iloveyou4ever iloveyousomuch iloveyoutoo itsasecret jamesbond007
jesuschrist jesuslovesme justinbieber letmein123! letmeinnow letmeinplease liverpoolfc lkjhgfdsa1
longpassword loveyou123 loveyouforever macbookpro manchester manchesterunited masterpassword
metallica1 michaeljackson missyou123 mnbvcxz123 mnbvcxzlkjhgfdsa motorcycle mynameis123 mypassword
mypassword1 mypassword123 newpassword newpassword1 nopassword notmypassword onetwothree onlyforme1
opensesame pa$$word123 passpasspass passphrase passphrase1 password!23 password1password1
passwordpassword photography playstation pleaseletmein poiuytrewq poiuytrewq123 polkadots1
private123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedc1 qazwsxedcrfv qazxswedcvfr qqqqqwwwww qweasdzxc1
qweasdzxc123 qweqweqweqwe qwer1234qwer qwerasdfzxcv qwerty1234 qwertyasdfgh qwertyqwerty qwertyuiop
qwertyuiop[ qwertyuiop[] qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qwertzuiop qwertzuiop123
reddevils1 rememberme rememberme1 rockyou123 roosevelt1 rootrootroot s3cr3tpass sandbox123
satoshinakamoto seahawks12 secretpassword secretsecret september1 september11 skywalker1
sparklepony1 spongebob1 starcraft2 startrek12 strongpassword superpassword supersecret sweetheart
sysadmin12 systemadmin teamomucho temp123456 temporary1 temporary123 temppassword test123456
test1234test testpassword testpassword1 testtest12 testtest123 testtesttest thisisapassword
thisismypassword thisissecret threeofclubs tobeornottobe togetherforever tothemoon! tothemoon1
tothemoon123 tradingbot1 trustno1!! trustno1trustno1 vfhvfkflrf1 volkswagen wallstreet
wallstreetbets washington watermelon welcome123! whatever12 whatsapp123 whoami1234 wordpass12
xxxxxxxxxx yesterday1 youareawesome zaq1xsw2cde3 zaqxswcde1 zxcvasdfqwer zxcvbnm,./ zxcvbnm123
zxcvbnm1234567 zxcvbnmasdfghjkl zzzzzzzzzz
"""
_PHRASES = ("correct horse battery staple", "to be or not to be", "open sesame", "let me in please")

COMMON_PASSWORDS = frozenset(
    password
    for password in (
        *(word + ending for word in _WORDS.split() for ending in ("", *_ENDINGS.split())),
        *_WHOLE.split(),
        *_PHRASES,
    )
    if len(password) >= SIZE_MIN
)
